/* The scene: a text file with one "word key=value key=value ..." a line; # starts a comment.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtual_dongle.h"

enum type { TYPE_DOUBLE, TYPE_INT64, TYPE_UINT64, TYPE_BOOL, TYPE_INT, TYPE_TEXT };

struct key {
    const char *name;
    enum type type;
    void *target;
};

void vd_defaults(struct vd_scene *scene)
{
    *scene = (struct vd_scene){
        .seed = 1,
        .reference_gain_db = 28.0,
        .agc_gain_db = 40.2,
        .noise_dbfs_hz = -103.0,
        .adc_noise_dbfs_hz = -109.0,
        .dc_dbfs = -999.0,
        .rolloff_edge = 0.8,
        .rolloff_db = 12.0,
        .spur_dbfs = -999.0,
        .ip3_dbfs = 999.0,
    };
}

static bool store(const struct key *key, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    bool numeric = end != value && *end == '\0';
    switch (key->type) {
    case TYPE_DOUBLE: *(double *)key->target = number; return numeric;
    case TYPE_INT64: *(int64_t *)key->target = (int64_t)number; return numeric;
    case TYPE_UINT64: *(uint64_t *)key->target = strtoull(value, NULL, 10); return numeric;
    case TYPE_BOOL: *(bool *)key->target = number != 0; return numeric;
    case TYPE_INT: *(int *)key->target = (int)number; return numeric;
    case TYPE_TEXT: snprintf(key->target, 64, "%s", value); return strlen(value) < 64;
    }
    return false;
}

/* An unknown key is an error: a test whose fault was never injected would pass for the wrong reason. */
static bool store_all(char *rest, const struct key *keys)
{
    char *context = NULL;
    for (char *token = strtok_r(rest, " \t", &context); token; token = strtok_r(NULL, " \t", &context)) {
        char *value = strchr(token, '=');
        const struct key *key = keys;
        if (value == NULL)
            return false;
        *value++ = '\0';
        while (key->name && strcmp(key->name, token) != 0)
            key++;
        if (key->name == NULL || !store(key, value))
            return false;
    }
    return true;
}

static bool parse_scene(char *rest, struct vd_scene *s)
{
    const struct key keys[] = {
        {"seed", TYPE_UINT64, &s->seed},
        {"realtime", TYPE_BOOL, &s->realtime},
        {"reference_gain_db", TYPE_DOUBLE, &s->reference_gain_db},
        {"agc_gain_db", TYPE_DOUBLE, &s->agc_gain_db},
        {"noise_dbfs_hz", TYPE_DOUBLE, &s->noise_dbfs_hz},
        {"adc_noise_dbfs_hz", TYPE_DOUBLE, &s->adc_noise_dbfs_hz},
        {"dc_dbfs", TYPE_DOUBLE, &s->dc_dbfs},
        {"image_db", TYPE_DOUBLE, &s->image_db},
        {"rolloff_edge", TYPE_DOUBLE, &s->rolloff_edge},
        {"rolloff_db", TYPE_DOUBLE, &s->rolloff_db},
        {"spur_dbfs", TYPE_DOUBLE, &s->spur_dbfs},
        {"ip3_dbfs", TYPE_DOUBLE, &s->ip3_dbfs},
        {"retune_s", TYPE_DOUBLE, &s->retune_s},
        {"stale_samples", TYPE_INT64, &s->stale_samples},
        {NULL, TYPE_TEXT, NULL},
    };
    return store_all(rest, keys);
}

static bool parse_dongle(char *rest, struct vd_scene *scene)
{
    struct vd_dongle *d = &scene->dongles[scene->n_dongles];
    const struct key keys[] = {
        {"serial", TYPE_TEXT, d->serial},
        {"tuner", TYPE_INT, &d->tuner},
        {"ppm", TYPE_DOUBLE, &d->ppm},
        {"unplug_after_reads", TYPE_INT64, &d->fault.unplug_after_reads},
        {"replug_after_tries", TYPE_INT64, &d->fault.replug_after_tries},
        {"hang_after_reads", TYPE_INT64, &d->fault.hang_after_reads},
        {"drop_every_reads", TYPE_INT64, &d->fault.drop_every_reads},
        {"drop_samples", TYPE_INT64, &d->fault.drop_samples},
        {"stuck_after_reads", TYPE_INT64, &d->fault.stuck_after_reads},
        {"repeat_after_reads", TYPE_INT64, &d->fault.repeat_after_reads},
        {"deaf_after_reads", TYPE_INT64, &d->fault.deaf_after_reads},
        {"deaf_start_hz", TYPE_DOUBLE, &d->fault.deaf_start_hz},
        {"deaf_stop_hz", TYPE_DOUBLE, &d->fault.deaf_stop_hz},
        {"refuse_start_hz", TYPE_DOUBLE, &d->fault.refuse_start_hz},
        {"refuse_stop_hz", TYPE_DOUBLE, &d->fault.refuse_stop_hz},
        {"drift_after_reads", TYPE_INT64, &d->fault.drift_after_reads},
        {"drift_ppm", TYPE_DOUBLE, &d->fault.drift_ppm},
        {"drift_db", TYPE_DOUBLE, &d->fault.drift_db},
        {"busy", TYPE_BOOL, &d->fault.busy},
        {NULL, TYPE_TEXT, NULL},
    };
    if (scene->n_dongles == VD_MAX_DEVICES)
        return false;
    *d = (struct vd_dongle){.serial = "00000001", .tuner = 5};
    scene->n_dongles++;
    return store_all(rest, keys);
}

static bool parse_emitter(char *rest, struct vd_scene *scene)
{
    static const char *const kinds[] = {"tone", "am", "fm", "noise"};
    struct vd_emitter *e = &scene->emitters[scene->n_emitters];
    char kind[64] = "";
    const struct key keys[] = {
        {"kind", TYPE_TEXT, kind},
        {"freq_hz", TYPE_DOUBLE, &e->freq_hz},
        {"level_dbfs", TYPE_DOUBLE, &e->level_dbfs},
        {"bandwidth_hz", TYPE_DOUBLE, &e->bandwidth_hz},
        {"audio_hz", TYPE_DOUBLE, &e->audio_hz},
        {"period_s", TYPE_DOUBLE, &e->period_s},
        {"duty", TYPE_DOUBLE, &e->duty},
        {"delay_s", TYPE_DOUBLE, &e->delay_s},
        {NULL, TYPE_TEXT, NULL},
    };
    if (scene->n_emitters == VD_MAX_EMITTERS)
        return false;
    *e = (struct vd_emitter){.level_dbfs = -30, .audio_hz = 1000, .duty = 1};
    scene->n_emitters++;
    if (!store_all(rest, keys))
        return false;
    for (int k = 0; k < 4; k++) {
        if (strcmp(kind, kinds[k]) == 0) {
            e->kind = (enum vd_kind)k;
            return true;
        }
    }
    return false;
}

bool vd_parse(const char *text, struct vd_scene *scene)
{
    char *copy = strdup(text), *context = NULL;
    bool good = copy != NULL;
    vd_defaults(scene);
    for (char *line = good ? strtok_r(copy, "\n", &context) : NULL; line && good; line = strtok_r(NULL, "\n", &context)) {
        char shown[160];
        snprintf(shown, sizeof shown, "%s", line);
        line[strcspn(line, "#")] = '\0';
        line += strspn(line, " \t");
        size_t word = strcspn(line, " \t");
        char *rest = line + word + (line[word] != '\0');
        if (*line == '\0')
            continue;
        line[word] = '\0';
        if (strcmp(line, "scene") == 0)
            good = parse_scene(rest, scene);
        else if (strcmp(line, "dongle") == 0)
            good = parse_dongle(rest, scene);
        else
            good = strcmp(line, "emitter") == 0 && parse_emitter(rest, scene);
        if (!good)
            fprintf(stderr, "virtual dongle: cannot use the line: %s\n", shown);
    }
    free(copy);
    return good;
}
