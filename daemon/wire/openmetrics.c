/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "wire/openmetrics.h"

const char *openmetrics_content_type(enum openmetrics_format format) {
        switch (format) {
        case OPENMETRICS_PROMETHEUS:
                return "text/plain; version=0.0.4; charset=utf-8";
        case OPENMETRICS_1_0:
                return "application/openmetrics-text; version=1.0.0; charset=utf-8";
        }
        assert(!"a format that is none");
        return "";
}

/* ---- the lines before the samples ---- */

static const char *type_name(const struct openmetrics *writer) {
        switch (writer->metric->type) {
        case METRIC_COUNTER:
                return "counter";
        case METRIC_GAUGE:
                return "gauge";
        case METRIC_HISTOGRAM:
                return "histogram";
        case METRIC_INFO:
                return writer->format == OPENMETRICS_1_0 ? "info" : "gauge";
        }
        assert(!"a type that is none");
        return "";
}

static const char *sample_suffix(const struct metric *metric) {
        switch (metric->type) {
        case METRIC_COUNTER:
                return "_total";
        case METRIC_INFO:
                return "_info";
        case METRIC_GAUGE:
        case METRIC_HISTOGRAM:
                break;
        }
        return "";
}

/* "# HELP name text": in OpenMetrics the name is that of the metric, before that of its samples. */
static void write_line(struct openmetrics *writer, const char *what, const char *text) {
        buffer_append_text(writer->out, "# ");
        buffer_append_text(writer->out, what);
        buffer_append_char(writer->out, ' ');
        buffer_append_text(writer->out, writer->metric->name);
        if (writer->format == OPENMETRICS_PROMETHEUS)
                buffer_append_text(writer->out, sample_suffix(writer->metric));
        buffer_append_char(writer->out, ' ');
        buffer_append_text(writer->out, text);
        buffer_append_char(writer->out, '\n');
}

void openmetrics_begin(struct openmetrics *writer, const struct metric *metric) {
        writer->metric = metric;
        write_line(writer, "HELP", metric->help);
        write_line(writer, "TYPE", type_name(writer));
        if (metric->unit && writer->format == OPENMETRICS_1_0)
                write_line(writer, "UNIT", metric->unit);
}

/* ---- samples ---- */

/* Backslashes, quotes and ends of lines are escaped; what is not UTF-8 becomes U+FFFD. */
static void write_value(struct buffer *out, const char *text) {
        for (size_t left = strlen(text); left > 0;) {
                size_t size = utf8_size(text, left);

                if (*text == '\n')
                        buffer_append_text(out, "\\n");
                else if (*text == '\\' || *text == '"')
                        buffer_append(out, (char[]){'\\', *text}, 2);
                else if (size > 0)
                        buffer_append(out, text, size);
                else
                        buffer_append_text(out, "\xef\xbf\xbd");
                size = size > 0 ? size : 1;
                text += size;
                left -= size;
        }
}

static void begin_label(struct buffer *out, bool *is_first, const char *name) {
        buffer_append_char(out, *is_first ? '{' : ',');
        *is_first = false;
        buffer_append_text(out, name);
        buffer_append_text(out, "=\"");
}

/* Exactly, and no longer than that takes. */
static void write_seconds(struct buffer *out, uint64_t span) {
        uint64_t fraction = span % NSEC_PER_SEC;
        char digits[9]; /* of nanoseconds */
        size_t n = sizeof digits;

        decimal_render(out, span / NSEC_PER_SEC);
        if (fraction == 0)
                return;
        for (size_t i = n; i > 0; i--, fraction /= 10)
                digits[i - 1] = (char)('0' + fraction % 10);
        while (digits[n - 1] == '0')
                n--;
        buffer_append_char(out, '.');
        buffer_append(out, digits, n);
}

/* As OpenMetrics wants it, with a point: one bound is one series, whatever the format. */
static void write_bound(struct buffer *out, unsigned bound) {
        if (bound == HISTOGRAM_BOUNDS) {
                buffer_append_text(out, "+Inf");
                return;
        }
        write_seconds(out, histogram_bounds[bound]);
        if (histogram_bounds[bound] % NSEC_PER_SEC == 0)
                buffer_append_text(out, ".0");
}

/* BOUND is that of a bucket; NULL: it is none. */
static void begin_sample(struct openmetrics *writer, const char *suffix, const struct label *labels,
                         const unsigned *bound) {
        bool is_first = true;

        buffer_append_text(writer->out, writer->metric->name);
        buffer_append_text(writer->out, suffix);
        for (; labels && labels->name; labels++) {
                if (!labels->value[0])
                        continue;
                begin_label(writer->out, &is_first, labels->name);
                write_value(writer->out, labels->value);
                buffer_append_char(writer->out, '"');
        }
        if (bound) {
                begin_label(writer->out, &is_first, "le");
                write_bound(writer->out, *bound);
                buffer_append_char(writer->out, '"');
        }
        buffer_append_text(writer->out, is_first ? " " : "} ");
}

static void end_sample(struct openmetrics *writer, uint64_t value) {
        decimal_render(writer->out, value);
        buffer_append_char(writer->out, '\n');
}

void openmetrics_integer(struct openmetrics *writer, const struct label *labels, uint64_t value) {
        begin_sample(writer, sample_suffix(writer->metric), labels, NULL);
        end_sample(writer, value);
}

static void write_span(struct openmetrics *writer, const char *suffix, const struct label *labels,
                       uint64_t span) {
        begin_sample(writer, suffix, labels, NULL);
        write_seconds(writer->out, span);
        buffer_append_char(writer->out, '\n');
}

void openmetrics_span(struct openmetrics *writer, const struct label *labels, uint64_t span) {
        write_span(writer, sample_suffix(writer->metric), labels, span);
}

void openmetrics_histogram(struct openmetrics *writer, const struct label *labels,
                           const struct histogram *histogram) {
        for (unsigned bound = 0; bound <= HISTOGRAM_BOUNDS; bound++) {
                begin_sample(writer, "_bucket", labels, &bound);
                end_sample(writer, histogram_count(histogram, bound));
        }
        write_span(writer, "_sum", labels, histogram->sum);
        begin_sample(writer, "_count", labels, NULL);
        end_sample(writer, histogram_count(histogram, HISTOGRAM_BOUNDS));
}

void openmetrics_end(struct openmetrics *writer) {
        if (writer->format == OPENMETRICS_1_0)
                buffer_append_text(writer->out, "# EOF\n");
}
