/* What is computed once: the noise of the receiver, and one period of every modulated emitter.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "virtual_dongle.h"

static float *noise[2];

/* SplitMix64's finaliser (Steele, Lea & Flood 2014): good bits from a counter, so nothing needs a state. */
uint64_t vd_hash(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t z = seed + 0x9E3779B97F4A7C15u * (a + 1) + 0xD1B54A32D192ED03u * (b + 1);
    for (int round = 0; round < 2; round++) {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        z ^= z >> 31;
    }
    return z;
}

static double uniform(uint64_t seed, uint64_t a, uint64_t b)
{
    return (double)(vd_hash(seed, a, b) >> 11) * 0x1p-53;
}

/* Amplitude response of the tuner's filter; an emitter beyond half the rate is heard as an alias, further down. */
double vd_rolloff(const struct vd_scene *scene, double half_rate_fraction)
{
    double beyond = (half_rate_fraction - scene->rolloff_edge) / (1.0 - scene->rolloff_edge);
    return beyond <= 0 ? 1.0 : pow(10.0, -scene->rolloff_db * beyond * beyond / 20.0);
}

/* Inverse transform in place, radix 2, over separate planes; without the factor 1/n. */
static void inverse_fft(float *re, float *im, int log2_n)
{
    uint32_t n = 1u << log2_n;
    for (uint32_t i = 1, j = 0; i < n; i++) {
        uint32_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        if (i < j) {
            float r = re[i], m = im[i];
            re[i] = re[j], im[i] = im[j];
            re[j] = r, im[j] = m;
        }
    }
    float *cosine = malloc(n / 2 * sizeof *cosine), *sine = malloc(n / 2 * sizeof *sine);
    for (uint32_t half = 1; half < n; half <<= 1) {
        for (uint32_t k = 0; k < half; k++) {
            cosine[k] = (float)cos(M_PI * k / half);
            sine[k] = (float)sin(M_PI * k / half);
        }
        for (uint32_t start = 0; start < n; start += 2 * half) {
            float *ar = re + start, *ai = im + start, *br = ar + half, *bi = ai + half;
            for (uint32_t k = 0; k < half; k++) {
                float r = br[k] * cosine[k] - bi[k] * sine[k];
                float m = br[k] * sine[k] + bi[k] * cosine[k];
                br[k] = ar[k] - r, bi[k] = ai[k] - m;
                ar[k] += r, ai[k] += m;
            }
        }
    }
    free(cosine);
    free(sine);
}

/* Noise of unit power in the flat part of the passband.
 *
 * Every bin of the table's spectrum has exactly the wanted magnitude and a random phase. A short stretch is Gaussian
 * (a sum of a million random phasors), and the mean spectrum over many random stretches has no ripple of its own,
 * which a table of drawn Gaussians would repeat at every hop and pass. The receiver adds two random stretches.
 */
void vd_build_noise(const struct vd_scene *scene)
{
    const int n = 1 << VD_NOISE_LOG2;
    for (int plane = 0; plane < 2; plane++) {
        if (noise[plane] == NULL)
            noise[plane] = malloc((size_t)(n + VD_BLOCK) * sizeof(float));
    }
    const double scale = 1.0 / sqrt(n);
    for (int k = 0; k < n; k++) {
        double fraction = 2.0 * (k < n / 2 ? k : n - k) / n;
        double phase = 2 * M_PI * uniform(scene->seed, 1, (uint64_t)k);
        double magnitude = scale * vd_rolloff(scene, fraction);
        noise[0][k] = (float)(magnitude * cos(phase));
        noise[1][k] = (float)(magnitude * sin(phase));
    }
    inverse_fft(noise[0], noise[1], VD_NOISE_LOG2);
    for (int plane = 0; plane < 2; plane++) /* so that a block never wraps */
        memcpy(noise[plane] + n, noise[plane], VD_BLOCK * sizeof(float));
}

const float *vd_noise_plane(int plane)
{
    return noise[plane];
}

/* Band-limited noise of unit power: flat, with random phases, zero outside its width. */
static void noise_envelope(float *re, float *im, const struct vd_emitter *e, double rate_hz, uint64_t seed, int index)
{
    const int n = 1 << VD_ENVELOPE_LOG2;
    int half = (int)(e->bandwidth_hz / rate_hz * n / 2);
    half = half < 1 ? 1 : half >= n / 2 ? n / 2 - 1 : half;
    memset(re, 0, (size_t)n * sizeof *re);
    memset(im, 0, (size_t)n * sizeof *im);
    for (int k = -half; k <= half; k++) {
        double phase = 2 * M_PI * uniform(seed, 100 + (uint64_t)index, (uint64_t)(k + half));
        re[(k + n) % n] = (float)(cos(phase) / sqrt(2 * half + 1));
        im[(k + n) % n] = (float)(sin(phase) / sqrt(2 * half + 1));
    }
    inverse_fft(re, im, VD_ENVELOPE_LOG2);
}

/* One period of AM (80 % deep) or FM; the audio tone is moved to a whole number of cycles, so that it closes. */
static void tone_envelope(float *re, float *im, const struct vd_emitter *e, double rate_hz)
{
    const int n = 1 << VD_ENVELOPE_LOG2;
    const double depth = 0.8, cycles = fmax(1.0, round(e->audio_hz / rate_hz * n));
    const double index = e->bandwidth_hz / (cycles * rate_hz / n);
    for (int k = 0; k < n; k++) {
        double audio = sin(2 * M_PI * fmod(cycles * k, n) / n);
        re[k] = (float)(e->kind == VD_AM ? (1 + depth * audio) / sqrt(1 + depth * depth / 2) : cos(index * audio));
        im[k] = (float)(e->kind == VD_AM ? 0 : sin(index * audio));
    }
}

const float *vd_envelope(struct rtlsdr_dev *dev, int emitter)
{
    const struct vd_scene *scene = vd_scene();
    const struct vd_emitter *e = &scene->emitters[emitter];
    const int n = 1 << VD_ENVELOPE_LOG2;
    if (dev->envelope_rate_hz != dev->real_rate_hz) {
        vd_forget_envelopes(dev);
        dev->envelope_rate_hz = dev->real_rate_hz;
    }
    if (dev->envelopes[emitter] == NULL) {
        float *planes = malloc(2 * (size_t)n * sizeof(float));
        if (e->kind == VD_NOISE)
            noise_envelope(planes, planes + n, e, dev->real_rate_hz, scene->seed, emitter);
        else
            tone_envelope(planes, planes + n, e, dev->real_rate_hz);
        dev->envelopes[emitter] = planes;
    }
    return dev->envelopes[emitter];
}

void vd_forget_envelopes(struct rtlsdr_dev *dev)
{
    for (int k = 0; k < VD_MAX_EMITTERS; k++) {
        free(dev->envelopes[k]);
        dev->envelopes[k] = NULL;
    }
}
