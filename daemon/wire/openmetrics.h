/* SPDX-License-Identifier: MIT */
/* openmetrics - a writer for metrics, in either of two texts: OpenMetrics 1.0, or the exposition
 * format 0.0.4 of Prometheus, which came before it and which everything reads.
 *
 * Names, labels and helps are static and need no escapes; values of labels may be any text. All
 * samples of a metric come in one go, behind openmetrics_begin(). */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "core/histogram.h"

enum openmetrics_format {
        OPENMETRICS_PROMETHEUS, /* 0.0.4 */
        OPENMETRICS_1_0,
};

enum metric_type {
        METRIC_COUNTER,
        METRIC_GAUGE,
        METRIC_HISTOGRAM, /* of seconds */
        METRIC_INFO,      /* its labels are what it says */
};

struct metric {
        const char *name; /* without the _total and _info that belong to types */
        enum metric_type type;
        const char *unit; /* with which the name ends; NULL: none */
        const char *help;
};

/* A list of them ends with a NULL name. One whose value is "" is left out: it says the same. */
struct label {
        const char *name;
        const char *value;
};

struct openmetrics {
        struct buffer *out;
        enum openmetrics_format format;
        const struct metric *metric;
};

const char *openmetrics_content_type(enum openmetrics_format format);

void openmetrics_begin(struct openmetrics *writer, const struct metric *metric);
void openmetrics_integer(struct openmetrics *writer, const struct label *labels, uint64_t value);
/* SPAN is in ns, and written in seconds. */
void openmetrics_span(struct openmetrics *writer, const struct label *labels, uint64_t span);
void openmetrics_histogram(struct openmetrics *writer, const struct label *labels,
                           const struct histogram *histogram);
/* Behind the last metric. */
void openmetrics_end(struct openmetrics *writer);
