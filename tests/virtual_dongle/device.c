/* Dongles that come and go, their sample clock, and what a retune leaves in the pipe.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "virtual_dongle.h"

#define REPEATED_BYTES 8192 /* sixteen packets */

static struct vd_scene scene;
static struct rtlsdr_dev devices[VD_MAX_DEVICES];
static char *loaded_text;
static pthread_mutex_t bus = PTHREAD_MUTEX_INITIALIZER;

const struct vd_scene *vd_scene(void)
{
    return &scene;
}

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_until(int64_t ns)
{
    struct timespec until = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static char *read_text(void)
{
    const char *path = getenv("VIRTUAL_DONGLE_CONFIG");
    FILE *file = path ? fopen(path, "rb") : NULL;
    char *text = calloc(1, 65536);
    if (path && file == NULL)
        fprintf(stderr, "virtual dongle: cannot open %s\n", path);
    if (file) {
        size_t n = fread(text, 1, 65535, file);
        text[n] = '\0';
        fclose(file);
    }
    return text;
}

static void start_devices(void)
{
    for (int k = 0; k < VD_MAX_DEVICES; k++) {
        struct rtlsdr_dev *dev = &devices[k];
        vd_forget_envelopes(dev);
        *dev = (struct rtlsdr_dev){
            .index = k,
            .dongle = &scene.dongles[k],
            .present = k < scene.n_dongles,
            .freq_hz = 100000000,
            .heard_freq_hz = 100000000,
            .sample_rate_hz = 2048000,
            .real_rate_hz = 2048000,
            .rtl_xtal_hz = 28800000,
            .tuner_xtal_hz = 28800000,
        };
        pthread_mutex_init(&dev->lock, NULL);
    }
}

/* Read the scene when it changed and nothing is open, so that one process can go from scene to scene. A scene that
 * cannot be read has no dongle. */
void vd_reload(bool force)
{
    pthread_mutex_lock(&bus);
    bool idle = true;
    for (int k = 0; k < VD_MAX_DEVICES; k++)
        idle = idle && !devices[k].open;
    if (idle || force) {
        char *text = read_text();
        if (force || loaded_text == NULL || strcmp(text, loaded_text) != 0) {
            if (!vd_parse(text, &scene))
                scene.n_dongles = 0;
            start_devices();
            if (scene.n_dongles > 0)
                vd_build_noise(&scene);
            free(loaded_text);
            loaded_text = text;
        } else {
            free(text);
        }
    }
    pthread_mutex_unlock(&bus);
}

/* A dongle that was pulled comes back after so many attempts to find, open or use it. */
static void note_try(struct rtlsdr_dev *dev)
{
    if (dev->unplugged_once && !dev->present) {
        dev->n_tries++;
        dev->present = dev->dongle->fault.replug_after_tries > 0 &&
                       dev->n_tries > dev->dongle->fault.replug_after_tries;
    }
}

int64_t vd_reads(void)
{
    return devices[0].n_reads;
}

int vd_visible_count(void)
{
    int n = 0;
    vd_reload(false);
    for (int k = 0; k < scene.n_dongles; k++) {
        note_try(&devices[k]);
        n += devices[k].present;
    }
    return n;
}

struct rtlsdr_dev *vd_visible(int index)
{
    for (int k = 0; k < scene.n_dongles; k++) {
        if (devices[k].present && index-- == 0)
            return &devices[k];
    }
    return NULL;
}

static double scene_now(const struct rtlsdr_dev *dev)
{
    return dev->clock_base_s + (double)dev->position / dev->real_rate_hz;
}

static void start_wall(struct rtlsdr_dev *dev)
{
    dev->wall_base_ns = wall_ns() - llrint((double)dev->position / dev->real_rate_hz * 1e9);
}

static int64_t wall_position(const struct rtlsdr_dev *dev)
{
    return llrint((double)(wall_ns() - dev->wall_base_ns) * 1e-9 * dev->real_rate_hz);
}

int vd_try_open(struct rtlsdr_dev **out, uint32_t index)
{
    vd_reload(false);
    struct rtlsdr_dev *dev = vd_visible((int)index);
    if (dev == NULL) {
        for (int k = 0; k < scene.n_dongles; k++)
            note_try(&devices[k]);
        return VD_ERROR_NOT_FOUND;
    }
    if (dev->open || dev->dongle->fault.busy)
        return VD_ERROR_BUSY;
    dev->open = true;
    dev->lost = dev->cancel = dev->manual_gain = dev->test_mode = false;
    dev->correction_ppm = 0;
    start_wall(dev);
    *out = dev;
    return 0;
}

void vd_close(struct rtlsdr_dev *dev)
{
    dev->open = false;
    dev->cancel = true;
}

bool vd_usable(struct rtlsdr_dev *dev)
{
    if (dev == NULL)
        return false;
    note_try(dev);
    return dev->open && !dev->lost;
}

void vd_flush(struct rtlsdr_dev *dev)
{
    pthread_mutex_lock(&dev->lock);
    if (scene.realtime && wall_position(dev) > dev->position)
        dev->position = wall_position(dev);
    pthread_mutex_unlock(&dev->lock);
}

static void come_through(struct rtlsdr_dev *dev)
{
    dev->heard_freq_hz = dev->pending[0].freq_hz;
    dev->n_pending--;
    memmove(dev->pending, dev->pending + 1, (size_t)dev->n_pending * sizeof *dev->pending);
}

/* A retune comes through after stale_samples of the sample clock, whatever is flushed. */
void vd_retune(struct rtlsdr_dev *dev, uint32_t freq_hz)
{
    if (scene.retune_s > 0)
        sleep_until(wall_ns() + llrint(scene.retune_s * 1e9));
    pthread_mutex_lock(&dev->lock);
    int64_t now = dev->position;
    if (scene.realtime && wall_position(dev) > now)
        now = wall_position(dev);
    if (dev->n_pending == VD_MAX_PENDING)
        come_through(dev);
    dev->freq_hz = freq_hz;
    dev->pending[dev->n_pending++] = (struct vd_change){.at = now + scene.stale_samples, .freq_hz = freq_hz};
    pthread_mutex_unlock(&dev->lock);
}

void vd_set_rate(struct rtlsdr_dev *dev, uint32_t rate_hz, double real_rate_hz)
{
    pthread_mutex_lock(&dev->lock);
    const double now = scene_now(dev);
    dev->sample_rate_hz = rate_hz;
    dev->real_rate_hz = real_rate_hz;
    dev->clock_base_s = now - (double)dev->position / real_rate_hz;
    start_wall(dev);
    pthread_mutex_unlock(&dev->lock);
}

static void serve(struct rtlsdr_dev *dev, uint8_t *out, int n)
{
    if (dev->test_mode) { /* librtlsdr's counter, which shows lost samples */
        for (int k = 0; k < 2 * n; k++)
            out[k] = (uint8_t)(2 * dev->position + k);
        dev->position += n;
        return;
    }
    while (n > 0) {
        while (dev->n_pending && dev->pending[0].at <= dev->position)
            come_through(dev);
        int64_t left = dev->n_pending ? dev->pending[0].at - dev->position : n;
        int part = left < n ? (int)left : n;
        vd_receive(dev, dev->position, dev->heard_freq_hz, out, part);
        dev->position += part;
        out += 2 * part;
        n -= part;
    }
}

static int inject_fault(struct rtlsdr_dev *dev)
{
    const struct vd_fault *fault = &dev->dongle->fault;
    dev->n_reads++;
    if (fault->hang_after_reads > 0 && dev->n_reads > fault->hang_after_reads) {
        while (dev->open && !dev->cancel)
            sleep_until(wall_ns() + 10000000);
        return VD_ERROR_NO_DEVICE;
    }
    if (fault->unplug_after_reads > 0 && dev->n_reads > fault->unplug_after_reads && !dev->unplugged_once) {
        dev->unplugged_once = dev->lost = true;
        dev->present = false;
        return VD_ERROR_NO_DEVICE;
    }
    return 0;
}

/* What a pipe gives that stands still, or that hands old transfers out again. */
static void spoil(const struct rtlsdr_dev *dev, uint8_t *out, int n_bytes)
{
    const struct vd_fault *fault = &dev->dongle->fault;
    if (fault->stuck_after_reads > 0 && dev->n_reads >= fault->stuck_after_reads)
        memset(out, 131, (size_t)n_bytes);
    if (fault->repeat_after_reads > 0 && dev->n_reads >= fault->repeat_after_reads) {
        for (int k = REPEATED_BYTES; k < n_bytes; k++)
            out[k] = out[k - REPEATED_BYTES];
    }
}

int vd_read(struct rtlsdr_dev *dev, uint8_t *out, int n_bytes, int64_t fifo_samples)
{
    const struct vd_fault *fault = &dev->dongle->fault;
    const int n = n_bytes / 2;
    int error = inject_fault(dev);
    if (error)
        return error;
    const bool drops = fault->drop_every_reads > 0 && dev->n_reads % fault->drop_every_reads == 0;
    const int half = drops ? n / 2 : n;
    const int64_t dropped = drops ? fault->drop_samples : 0;
    if (scene.realtime) {
        int64_t oldest = wall_position(dev) - fifo_samples; /* what was not read in time is lost, as on the bus */
        pthread_mutex_lock(&dev->lock);
        if (dev->position < oldest)
            dev->position = oldest;
        int64_t ready = dev->wall_base_ns + llrint((double)(dev->position + dropped + n) / dev->real_rate_hz * 1e9);
        pthread_mutex_unlock(&dev->lock);
        sleep_until(ready); /* without the lock: another thread may tune in the meantime */
    }
    pthread_mutex_lock(&dev->lock);
    serve(dev, out, half);
    dev->position += dropped;
    serve(dev, out + 2 * half, n - half);
    spoil(dev, out, n_bytes);
    pthread_mutex_unlock(&dev->lock);
    return 0;
}
