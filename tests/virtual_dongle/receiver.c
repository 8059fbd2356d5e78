/* From the scene to the bytes of an 8-bit receiver, one block at a time.
 *
 * Fast enough to feed benchmarks: planes of floats that the compiler can vectorise, phasors by recurrence, no sine
 * and no branch per sample.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <string.h>

#include "virtual_dongle.h"

#define CHUNK 64        /* samples between two steps of the coarse phasor; divides VD_BLOCK */
#define CRYSTAL_HZ 28.8e6
#define DEAF_DB -90.0
#define AUDIBLE 1.2     /* emitters further out than this part of half the rate are lost in the filter */

struct block {
    float re[VD_BLOCK], im[VD_BLOCK];
    int n;
    int64_t position;
};

static double amplitude(double db)
{
    return pow(10.0, db / 20.0);
}

double vd_gain_db(const struct rtlsdr_dev *dev)
{
    return dev->manual_gain ? dev->gain_tenths / 10.0 : vd_scene()->agc_gain_db;
}

/* Reads since it began to warm up. */
static double warm_reads(const struct rtlsdr_dev *dev)
{
    return dev->n_reads > dev->dongle->fault.drift_after_reads
               ? (double)(dev->n_reads - dev->dongle->fault.drift_after_reads)
               : 0;
}

/* How much faster the corrected crystal runs than it should: the tuner and the resampler both hang on it. */
static double clock_ratio(const struct rtlsdr_dev *dev)
{
    const double ppm = dev->dongle->ppm + dev->dongle->fault.drift_ppm * warm_reads(dev);
    return (1 + ppm * 1e-6) / (1 + dev->correction_ppm * 1e-6);
}

static void add_noise(const struct rtlsdr_dev *dev, struct block *b, double gain)
{
    const struct vd_scene *scene = vd_scene();
    const double external = amplitude(scene->noise_dbfs_hz) * gain, own = amplitude(scene->adc_noise_dbfs_hz);
    const float scale = (float)sqrt((external * external + own * own) * dev->sample_rate_hz / 2);
    const uint32_t mask = (1u << VD_NOISE_LOG2) - 1;
    const int64_t within = b->position % VD_BLOCK;
    const uint64_t random = vd_hash(scene->seed, 2 + (uint64_t)dev->index, (uint64_t)(b->position / VD_BLOCK));
    const uint32_t first = ((uint32_t)random + (uint32_t)within) & mask;
    const uint32_t second = ((uint32_t)(random >> 32) + (uint32_t)within) & mask;
    const float *ar = vd_noise_plane(0) + first, *br = vd_noise_plane(0) + second;
    const float *ai = vd_noise_plane(1) + first, *bi = vd_noise_plane(1) + second;
    for (int k = 0; k < b->n; k++) {
        b->re[k] = scale * (ar[k] + br[k]);
        b->im[k] = scale * (ai[k] + bi[k]);
    }
}

/* Add samples [start, stop) of a carrier, modulated where there is an envelope. */
static void add_carrier(struct block *b, int start, int stop, double cycles, double phase, double level,
                        const float *envelope)
{
    const int64_t length = (int64_t)1 << VD_ENVELOPE_LOG2;
    const double turns = fmod(cycles * (double)(b->position + start), 1.0) + phase;
    const double step_re = cos(2 * M_PI * cycles * CHUNK), step_im = sin(2 * M_PI * cycles * CHUNK);
    double coarse_re = level * cos(2 * M_PI * turns), coarse_im = level * sin(2 * M_PI * turns);
    float fine_re[CHUNK], fine_im[CHUNK];
    double unit_re = cos(2 * M_PI * cycles), unit_im = sin(2 * M_PI * cycles), re = 1, im = 0;
    for (int k = 0; k < CHUNK; k++) {
        fine_re[k] = (float)re, fine_im[k] = (float)im;
        double next = re * unit_re - im * unit_im;
        im = re * unit_im + im * unit_re;
        re = next;
    }
    for (int from = start; from < stop;) {
        int n = stop - from < CHUNK ? stop - from : CHUNK;
        const float cr = (float)coarse_re, ci = (float)coarse_im;
        float *out_re = b->re + from, *out_im = b->im + from;
        if (envelope == NULL) {
            for (int k = 0; k < n; k++) {
                out_re[k] += cr * fine_re[k] - ci * fine_im[k];
                out_im[k] += cr * fine_im[k] + ci * fine_re[k];
            }
        } else {
            int64_t at = (b->position + from) % length;
            if (n > length - at) /* the envelope starts again within this chunk */
                n = (int)(length - at);
            const float *er = envelope + at, *ei = envelope + length + at;
            for (int k = 0; k < n; k++) {
                float r = cr * fine_re[k] - ci * fine_im[k], m = cr * fine_im[k] + ci * fine_re[k];
                out_re[k] += r * er[k] - m * ei[k];
                out_im[k] += r * ei[k] + m * er[k];
            }
        }
        from += n;
        if (n == CHUNK) {
            double next = coarse_re * step_re - coarse_im * step_im;
            coarse_im = coarse_re * step_im + coarse_im * step_re;
            coarse_re = next;
        } else {
            double now = fmod(cycles * (double)(b->position + from), 1.0) + phase;
            coarse_re = level * cos(2 * M_PI * now), coarse_im = level * sin(2 * M_PI * now);
        }
    }
}

static void add_emitter(struct rtlsdr_dev *dev, struct block *b, int index, double lo_hz, double rate_hz, double gain)
{
    const struct vd_scene *scene = vd_scene();
    const struct vd_emitter *e = &scene->emitters[index];
    const double cycles = (e->freq_hz - lo_hz) / rate_hz, out = 2 * fabs(cycles);
    if (out > AUDIBLE + e->bandwidth_hz / rate_hz)
        return;
    const double level = amplitude(e->level_dbfs) * gain * vd_rolloff(scene, out);
    const double phase = (double)(vd_hash(scene->seed, 50, (uint64_t)index) >> 11) * 0x1p-53;
    const float *envelope = e->kind == VD_TONE ? NULL : vd_envelope(dev, index);
    if (e->period_s <= 0) {
        add_carrier(b, 0, b->n, cycles, phase, level, envelope);
        return;
    }
    const double start_s = dev->clock_base_s + (double)b->position / rate_hz - e->delay_s;
    const double stop_s = start_s + b->n / rate_hz;
    for (double burst = floor(start_s / e->period_s) * e->period_s; burst < stop_s; burst += e->period_s) {
        double from = (burst - start_s) * rate_hz, to = from + e->duty * e->period_s * rate_hz;
        int first = from <= 0 ? 0 : (int)ceil(from), last = to >= b->n ? b->n : (int)ceil(to);
        if (first < last)
            add_carrier(b, first, last, cycles, phase, level, envelope);
    }
}

/* Harmonics of the crystal leak in behind the tuner: they stay where the gain is changed. The tuner's oscillator
 * hangs on the same crystal, so they also stay where the crystal is wrong. */
static void add_spurs(const struct rtlsdr_dev *dev, struct block *b, double freq_hz)
{
    const double correction = 1 + dev->correction_ppm * 1e-6;
    const double nearest = round(freq_hz / CRYSTAL_HZ) * CRYSTAL_HZ * correction;
    const double cycles = (nearest - freq_hz) / dev->real_rate_hz;
    if (nearest > 0 && fabs(cycles) < 0.5)
        add_carrier(b, 0, b->n, cycles, 0.125, amplitude(vd_scene()->spur_dbfs), NULL);
}

/* y = x - c |x|^2 x: two tones of amplitude A give products of c A^3, equal to A at the intercept. Held constant
 * beyond the maximum of the cubic, where it would turn back. */
static void overload(struct block *b)
{
    const double intercept = amplitude(vd_scene()->ip3_dbfs);
    const float c = (float)(1 / (intercept * intercept)), most = 1 / (3 * c);
    for (int k = 0; k < b->n; k++) {
        float power = b->re[k] * b->re[k] + b->im[k] * b->im[k];
        float factor = 1 - c * (power < most ? power : most);
        b->re[k] *= factor;
        b->im[k] *= factor;
    }
}

/* Code u stands for (u - 127.5) / 128, so floor(128 x + 128) rounds to the nearest code. The image is g conj(x). */
static void convert(const struct block *b, uint8_t *out)
{
    const struct vd_scene *scene = vd_scene();
    const float image = scene->image_db > 0 ? (float)amplitude(-scene->image_db) : 0;
    const float gr = image * 0.8f, gi = image * 0.6f, dc = (float)amplitude(scene->dc_dbfs) * 0.70710678f;
    const float origin = 128 + 128 * dc;
    uint16_t pairs[VD_BLOCK]; /* I and Q of a sample as one number: the loop vectorises */
    for (int k = 0; k < b->n; k++) {
        float re = origin + 128 * (b->re[k] * (1 + gr) + b->im[k] * gi);
        float im = origin + 128 * (b->im[k] * (1 - gr) + b->re[k] * gi);
        re = re < 0 ? 0 : re > 255.5f ? 255.5f : re;
        im = im < 0 ? 0 : im > 255.5f ? 255.5f : im;
        pairs[k] = (uint16_t)((int)re | (int)im << 8);
    }
    memcpy(out, pairs, 2 * (size_t)b->n);
}

/* Nothing comes in at the aerial, and nothing from the amplifier behind it. */
static bool is_deaf(const struct rtlsdr_dev *dev, uint32_t freq_hz)
{
    const struct vd_fault *fault = &dev->dongle->fault;
    if (fault->deaf_after_reads == 0 || dev->n_reads < fault->deaf_after_reads)
        return false;
    return fault->deaf_stop_hz == 0 || (freq_hz >= fault->deaf_start_hz && freq_hz < fault->deaf_stop_hz);
}

void vd_receive(struct rtlsdr_dev *dev, int64_t position, uint32_t freq_hz, uint8_t *out, int n_samples)
{
    static _Thread_local struct block block;
    const struct vd_scene *scene = vd_scene();
    const double ratio = clock_ratio(dev), lo_hz = freq_hz * ratio, rate_hz = dev->real_rate_hz * ratio;
    const double heard_db = is_deaf(dev, freq_hz) ? DEAF_DB : dev->dongle->fault.drift_db * warm_reads(dev);
    const double gain = amplitude(vd_gain_db(dev) + heard_db - scene->reference_gain_db);
    while (n_samples > 0) {
        const int left = (int)(VD_BLOCK - position % VD_BLOCK);
        block.position = position;
        block.n = left < n_samples ? left : n_samples;
        add_noise(dev, &block, gain);
        for (int k = 0; k < scene->n_emitters; k++)
            add_emitter(dev, &block, k, lo_hz, rate_hz, gain);
        if (scene->spur_dbfs > -200)
            add_spurs(dev, &block, freq_hz);
        if (scene->ip3_dbfs < 200)
            overload(&block);
        convert(&block, out);
        position += block.n;
        out += 2 * block.n;
        n_samples -= block.n;
    }
}
