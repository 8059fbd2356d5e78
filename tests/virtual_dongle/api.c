/* The exported functions of librtlsdr: the union of what pyrtlsdr 0.5, rtl_power, rtl_tcp, rtl_test and rtl_433 bind.
 *
 * Names, ranges and return values follow librtlsdr's public header rtl-sdr.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtual_dongle.h"

#define EXPORT __attribute__((visibility("default")))
#define USB_PACKET 512
#define DEFAULT_ASYNC_BYTES (16 * 32 * 512)
#define SYNC_FIFO_SAMPLES 8192   /* what the converter's own buffer holds between two reads */
#define ASYNC_FIFO_SAMPLES (15 * DEFAULT_ASYNC_BYTES / 2) /* librtlsdr keeps 15 transfers queued */
#define LIBUSB_ERROR_OVERFLOW -8
#define LOWEST_HZ 24000000u
#define HIGHEST_HZ 1766430000u   /* R820T: oscillator up to 1770 MHz, less the 3.57 MHz intermediate frequency */

typedef struct rtlsdr_dev rtlsdr_dev_t;
typedef void (*read_callback)(unsigned char *buf, uint32_t len, void *ctx);

static const int gains[] = {0,   9,   14,  27,  37,  77,  87,  125, 144, 157, 166, 197, 207, 229, 254,
                            280, 297, 328, 338, 364, 372, 386, 402, 421, 434, 439, 445, 480, 496};
#define N_GAINS ((int)(sizeof gains / sizeof *gains))

/* For tests alone: start the scene again from its beginning. */
EXPORT void virtual_dongle_restart(void)
{
    vd_reload(true);
}

/* For tests alone: how often the first dongle was read since then. */
EXPORT int64_t virtual_dongle_reads(void)
{
    return vd_reads();
}

/* --- finding and opening ------------------------------------------------------------------------------------- */

EXPORT uint32_t rtlsdr_get_device_count(void)
{
    return (uint32_t)vd_visible_count();
}

EXPORT const char *rtlsdr_get_device_name(uint32_t index)
{
    return vd_visible((int)index) ? "Generic RTL2832U OEM" : "";
}

static void copy_string(char *out, const char *text)
{
    if (out)
        snprintf(out, 256, "%s", text);
}

EXPORT int rtlsdr_get_device_usb_strings(uint32_t index, char *manufacturer, char *product, char *serial)
{
    vd_reload(false);
    struct rtlsdr_dev *dev = vd_visible((int)index);
    if (dev == NULL)
        return -2;
    copy_string(manufacturer, "Quietroom");
    copy_string(product, "Virtual dongle");
    copy_string(serial, dev->dongle->serial);
    return 0;
}

EXPORT int rtlsdr_get_usb_strings(rtlsdr_dev_t *dev, char *manufacturer, char *product, char *serial)
{
    if (!vd_usable(dev))
        return -1;
    copy_string(manufacturer, "Quietroom");
    copy_string(product, "Virtual dongle");
    copy_string(serial, dev->dongle->serial);
    return 0;
}

EXPORT int rtlsdr_get_index_by_serial(const char *serial)
{
    const int n = vd_visible_count();
    if (serial == NULL || n == 0)
        return serial == NULL ? -1 : -2;
    for (int k = 0; k < n; k++) {
        if (strcmp(vd_visible(k)->dongle->serial, serial) == 0)
            return k;
    }
    return -3;
}

EXPORT int rtlsdr_open(rtlsdr_dev_t **out, uint32_t index)
{
    return vd_try_open(out, index);
}

EXPORT int rtlsdr_close(rtlsdr_dev_t *dev)
{
    if (dev == NULL)
        return -1;
    vd_close(dev);
    return 0;
}

/* --- tuning --------------------------------------------------------------------------------------------------- */

EXPORT int rtlsdr_set_center_freq(rtlsdr_dev_t *dev, uint32_t freq_hz)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    const struct vd_fault *fault = &dev->dongle->fault;
    if (freq_hz < LOWEST_HZ || freq_hz > HIGHEST_HZ)
        return VD_ERROR_INVALID;
    if (freq_hz >= fault->refuse_start_hz && freq_hz < fault->refuse_stop_hz)
        return VD_ERROR_INVALID;
    vd_retune(dev, freq_hz);
    return 0;
}

EXPORT uint32_t rtlsdr_get_center_freq(rtlsdr_dev_t *dev)
{
    return vd_usable(dev) ? dev->freq_hz : 0;
}

EXPORT int rtlsdr_set_freq_correction(rtlsdr_dev_t *dev, int ppm)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    if (dev->correction_ppm == ppm)
        return -2; /* librtlsdr: nothing to change */
    dev->correction_ppm = ppm;
    return 0;
}

EXPORT int rtlsdr_get_freq_correction(rtlsdr_dev_t *dev)
{
    return vd_usable(dev) ? dev->correction_ppm : 0;
}

EXPORT int rtlsdr_set_sample_rate(rtlsdr_dev_t *dev, uint32_t rate_hz)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    if (rate_hz <= 225000 || rate_hz > 3200000 || (rate_hz > 300000 && rate_hz <= 900000))
        return VD_ERROR_INVALID;
    const double crystal = 28.8e6 * (1 << 22); /* the resampler's ratio is a multiple of four */
    const uint32_t ratio = (uint32_t)(crystal / rate_hz) & 0x0ffffffcu;
    vd_set_rate(dev, rate_hz, crystal / ratio);
    return 0;
}

EXPORT uint32_t rtlsdr_get_sample_rate(rtlsdr_dev_t *dev)
{
    return vd_usable(dev) ? dev->sample_rate_hz : 0;
}

EXPORT int rtlsdr_set_tuner_bandwidth(rtlsdr_dev_t *dev, uint32_t bandwidth_hz)
{
    (void)bandwidth_hz;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

EXPORT int rtlsdr_set_and_get_tuner_bandwidth(rtlsdr_dev_t *dev, uint32_t bandwidth_hz, uint32_t *applied, int apply)
{
    (void)apply;
    *applied = bandwidth_hz;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

/* --- gain ------------------------------------------------------------------------------------------------------ */

EXPORT int rtlsdr_get_tuner_type(rtlsdr_dev_t *dev)
{
    return vd_usable(dev) ? dev->dongle->tuner : 0;
}

EXPORT int rtlsdr_get_tuner_gains(rtlsdr_dev_t *dev, int *out)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    if (out)
        memcpy(out, gains, sizeof gains);
    return N_GAINS;
}

EXPORT int rtlsdr_set_tuner_gain_mode(rtlsdr_dev_t *dev, int manual)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    dev->manual_gain = manual != 0;
    return 0;
}

EXPORT int rtlsdr_set_tuner_gain(rtlsdr_dev_t *dev, int tenths)
{
    int best = gains[0];
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    for (int k = 1; k < N_GAINS; k++)
        best = abs(gains[k] - tenths) < abs(best - tenths) ? gains[k] : best;
    dev->gain_tenths = best;
    return 0;
}

EXPORT int rtlsdr_get_tuner_gain(rtlsdr_dev_t *dev)
{
    return vd_usable(dev) ? dev->gain_tenths : 0;
}

EXPORT int rtlsdr_set_tuner_if_gain(rtlsdr_dev_t *dev, int stage, int tenths)
{
    (void)stage, (void)tenths;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

/* --- switches without effect on the scene; kept where there is a getter ---------------------------------------- */

#define SWITCH(name) \
    EXPORT int name(rtlsdr_dev_t *dev, int on) \
    { \
        (void)on; \
        return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE; \
    }
SWITCH(rtlsdr_set_agc_mode)
SWITCH(rtlsdr_set_bias_tee)
SWITCH(rtlsdr_set_dithering)
SWITCH(rtlsdr_set_gpio_byte)

EXPORT int rtlsdr_set_direct_sampling(rtlsdr_dev_t *dev, int on)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    dev->direct_sampling = on;
    return 0;
}

EXPORT int rtlsdr_get_direct_sampling(rtlsdr_dev_t *dev)
{
    return vd_usable(dev) ? dev->direct_sampling : VD_ERROR_NO_DEVICE;
}

EXPORT int rtlsdr_set_offset_tuning(rtlsdr_dev_t *dev, int on)
{
    (void)on;
    return vd_usable(dev) ? -2 : VD_ERROR_NO_DEVICE; /* librtlsdr: not with an R820T */
}

EXPORT int rtlsdr_get_offset_tuning(rtlsdr_dev_t *dev)
{
    return vd_usable(dev) ? dev->offset_tuning : VD_ERROR_NO_DEVICE;
}

EXPORT int rtlsdr_set_xtal_freq(rtlsdr_dev_t *dev, uint32_t rtl_hz, uint32_t tuner_hz)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    dev->rtl_xtal_hz = rtl_hz ? rtl_hz : dev->rtl_xtal_hz;
    dev->tuner_xtal_hz = tuner_hz ? tuner_hz : dev->tuner_xtal_hz;
    return 0;
}

EXPORT int rtlsdr_get_xtal_freq(rtlsdr_dev_t *dev, uint32_t *rtl_hz, uint32_t *tuner_hz)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    if (rtl_hz)
        *rtl_hz = dev->rtl_xtal_hz;
    if (tuner_hz)
        *tuner_hz = dev->tuner_xtal_hz;
    return 0;
}

EXPORT int rtlsdr_set_testmode(rtlsdr_dev_t *dev, int on)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    dev->test_mode = on != 0;
    return 0;
}

EXPORT int rtlsdr_set_gpio_output(rtlsdr_dev_t *dev, uint8_t gpio)
{
    (void)gpio;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

EXPORT int rtlsdr_set_gpio_input(rtlsdr_dev_t *dev, uint8_t gpio)
{
    (void)gpio;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

EXPORT int rtlsdr_set_gpio_bit(rtlsdr_dev_t *dev, uint8_t gpio, int value)
{
    (void)gpio, (void)value;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

EXPORT int rtlsdr_get_gpio_bit(rtlsdr_dev_t *dev, uint8_t gpio, int *value)
{
    (void)gpio;
    *value = 0;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

EXPORT int rtlsdr_get_gpio_byte(rtlsdr_dev_t *dev, int *value)
{
    *value = 0;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

EXPORT int rtlsdr_set_gpio_status(rtlsdr_dev_t *dev, int *status)
{
    *status = 0;
    return vd_usable(dev) ? 0 : VD_ERROR_NO_DEVICE;
}

/* --- streaming ------------------------------------------------------------------------------------------------- */

EXPORT int rtlsdr_reset_buffer(rtlsdr_dev_t *dev)
{
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    vd_flush(dev);
    return 0;
}

EXPORT int rtlsdr_read_sync(rtlsdr_dev_t *dev, void *buf, int len, int *n_read)
{
    *n_read = 0;
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    if (len <= 0 || len % USB_PACKET) /* the device answers in whole packets */
        return LIBUSB_ERROR_OVERFLOW;
    int error = vd_read(dev, buf, len, SYNC_FIFO_SAMPLES);
    *n_read = error ? 0 : len;
    return error;
}

EXPORT int rtlsdr_read_async(rtlsdr_dev_t *dev, read_callback callback, void *context, uint32_t n_buffers, uint32_t len)
{
    (void)n_buffers;
    if (!vd_usable(dev))
        return VD_ERROR_NO_DEVICE;
    len = len > 0 && len % USB_PACKET == 0 ? len : DEFAULT_ASYNC_BYTES;
    unsigned char *buffer = malloc(len);
    int error = 0;
    dev->cancel = false;
    dev->async = true;
    while (!dev->cancel && error == 0) {
        error = vd_read(dev, buffer, (int)len, ASYNC_FIFO_SAMPLES);
        if (error == 0 && !dev->cancel)
            callback(buffer, len, context);
    }
    dev->async = false;
    free(buffer);
    return dev->cancel ? 0 : error;
}

EXPORT int rtlsdr_wait_async(rtlsdr_dev_t *dev, read_callback callback, void *context)
{
    return rtlsdr_read_async(dev, callback, context, 0, 0);
}

EXPORT int rtlsdr_cancel_async(rtlsdr_dev_t *dev)
{
    if (dev == NULL || !dev->async)
        return -2;
    dev->cancel = true;
    return 0;
}
