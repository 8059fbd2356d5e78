/* A virtual RTL-SDR dongle: librtlsdr's API over a synthetic radio scene.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * config.c   reads the scene
 * tables.c   what is computed once: noise, envelopes of the modulated emitters
 * receiver.c from the scene to the bytes of an 8-bit receiver
 * device.c   clock, retunes, stale samples, unplugging
 * api.c      the exported functions of librtlsdr
 *
 * Samples are a function of the seed, the sample clock, the tuned frequency and the gain. With "pace flat" the sample
 * clock advances by reading alone, so two runs that make the same calls get the same bytes.
 */
#ifndef VIRTUAL_DONGLE_H
#define VIRTUAL_DONGLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define VD_MAX_DEVICES 8
#define VD_MAX_EMITTERS 64
#define VD_MAX_PENDING 32      /* retunes that have not come through yet */
#define VD_BLOCK 4096          /* samples made at a time: two float planes stay in the first-level cache */
#define VD_NOISE_LOG2 20       /* samples of the noise table */
#define VD_ENVELOPE_LOG2 17    /* samples of the envelope of a modulated emitter, 55 ms at 2.4 MS/s */

/* libusb's numbers for what goes wrong. */
#define VD_ERROR_INVALID -22
#define VD_ERROR_ACCESS -3
#define VD_ERROR_NO_DEVICE -4
#define VD_ERROR_NOT_FOUND -5
#define VD_ERROR_BUSY -6

enum vd_kind { VD_TONE, VD_AM, VD_FM, VD_NOISE };

struct vd_emitter {
    enum vd_kind kind;
    double freq_hz;
    double level_dbfs;     /* mean power while on, at the reference gain, in the flat part of the passband */
    double bandwidth_hz;   /* noise: width; FM: peak deviation */
    double audio_hz;       /* modulating tone of AM and FM */
    double period_s;       /* 0: always on */
    double duty;
    double delay_s;
};

struct vd_fault {          /* of one dongle */
    int64_t unplug_after_reads; /* 0: never */
    int64_t replug_after_tries; /* 0: never comes back */
    int64_t hang_after_reads;   /* 0: never; later reads block until the handle is closed */
    int64_t drop_every_reads;   /* 0: never */
    int64_t drop_samples;
    int64_t stuck_after_reads;  /* 0: never; from that read on every byte is the same */
    int64_t repeat_after_reads; /* 0: never; from that read on the first packets come again and again */
    int64_t deaf_after_reads;   /* 0: never. From that read on the aerial's lead is off ... */
    double deaf_start_hz, deaf_stop_hz; /* ... for these tunings; 0: for all */
    double refuse_start_hz, refuse_stop_hz; /* tunings that the tuner refuses */
    int64_t drift_after_reads;          /* from that read on, as when it warms up, with each read ... */
    double drift_ppm, drift_db;         /* ... the crystal runs so much faster, and the gain rises so much */
    bool busy;                  /* claimed by another program */
};

struct vd_dongle {
    char serial[64];
    int tuner;             /* librtlsdr's number */
    double ppm;            /* how fast the crystal is */
    struct vd_fault fault;
};

struct vd_scene {
    uint64_t seed;
    bool realtime;
    double reference_gain_db;
    double agc_gain_db;           /* gain in force while the tuner's own control is on */
    double noise_dbfs_hz;         /* external and front-end noise at the reference gain */
    double adc_noise_dbfs_hz;     /* noise that gain does not change */
    double dc_dbfs;               /* below -200: none */
    double image_db;              /* 0: none */
    double rolloff_edge;          /* part of half the sample rate that is flat */
    double rolloff_db;            /* loss at half the sample rate */
    double spur_dbfs;             /* at every multiple of 28.8 MHz; below -200: none */
    double ip3_dbfs;              /* third-order intercept at the converter; above 200: linear */
    double retune_s;              /* how long set_center_freq blocks */
    int64_t stale_samples;        /* of the old frequency that still come after a retune */
    int n_dongles;
    struct vd_dongle dongles[VD_MAX_DEVICES];
    int n_emitters;
    struct vd_emitter emitters[VD_MAX_EMITTERS];
};

struct vd_change {
    int64_t at;                   /* sample clock */
    uint32_t freq_hz;
};

/* What librtlsdr calls rtlsdr_dev_t. Lives as long as the library, so that a handle used after close is harmless. */
struct rtlsdr_dev {
    int index;
    const struct vd_dongle *dongle;
    pthread_mutex_t lock;         /* of everything below: rtl_tcp tunes while another thread reads */
    bool open, present, lost;     /* lost: this handle was open when the dongle was pulled */
    bool unplugged_once;
    int64_t n_reads, n_tries;

    uint32_t freq_hz, sample_rate_hz;
    double real_rate_hz;          /* what the resampler gives for the rate asked */
    int correction_ppm;
    int gain_tenths;
    bool manual_gain, test_mode;
    int direct_sampling, offset_tuning;
    uint32_t rtl_xtal_hz, tuner_xtal_hz;

    int64_t position;             /* sample clock: the next sample to hand out */
    double clock_base_s;          /* scene time at position 0 of the present rate */
    int64_t wall_base_ns;         /* wall clock at position 0 */
    uint32_t heard_freq_hz;       /* what the samples at this position are of, until ... */
    struct vd_change pending[VD_MAX_PENDING]; /* ... retunes come through, in order */
    int n_pending;
    uint8_t test_counter;

    volatile bool async, cancel;

    float *envelopes[VD_MAX_EMITTERS]; /* two planes of 2^VD_ENVELOPE_LOG2, made at first use for ... */
    double envelope_rate_hz;           /* ... this rate */
};

/* config.c */
bool vd_parse(const char *text, struct vd_scene *scene);
void vd_defaults(struct vd_scene *scene);

/* tables.c */
extern const struct vd_scene *vd_scene(void);
uint64_t vd_hash(uint64_t seed, uint64_t a, uint64_t b);
double vd_rolloff(const struct vd_scene *scene, double half_rate_fraction);
void vd_build_noise(const struct vd_scene *scene);
const float *vd_noise_plane(int plane);
const float *vd_envelope(struct rtlsdr_dev *dev, int emitter);
void vd_forget_envelopes(struct rtlsdr_dev *dev);

/* receiver.c */
double vd_gain_db(const struct rtlsdr_dev *dev);
void vd_receive(struct rtlsdr_dev *dev, int64_t position, uint32_t freq_hz, uint8_t *out, int n_samples);

/* device.c */
int64_t vd_reads(void);
int vd_visible_count(void);
struct rtlsdr_dev *vd_visible(int index);
int vd_try_open(struct rtlsdr_dev **out, uint32_t index);
void vd_close(struct rtlsdr_dev *dev);
void vd_reload(bool force);
bool vd_usable(struct rtlsdr_dev *dev);
void vd_flush(struct rtlsdr_dev *dev);
void vd_retune(struct rtlsdr_dev *dev, uint32_t freq_hz);
void vd_set_rate(struct rtlsdr_dev *dev, uint32_t rate_hz, double real_rate_hz);
int vd_read(struct rtlsdr_dev *dev, uint8_t *out, int n_bytes, int64_t fifo_samples);

#endif
