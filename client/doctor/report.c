/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "client/bearerctl_json.h"
#include "client/doctor/report.h"
#include "client/output.h"

#define TEXT_MAX ((size_t)8192)

void report_begin(struct report *report, bool is_json) {
        *report = (struct report){.is_json = is_json, .json = BUFFER_INIT(REPORT_MAX)};
        report->writer.out = &report->json;
        json_begin(&report->writer, NULL, '{');
        json_begin(&report->writer, "checks", '[');
}

void report_deinit(struct report *report) {
        buffer_deinit(&report->json);
}

static void add_json(struct report *report, const char *result, const char *check, const char *text,
                     const char *mend) {
        struct json_writer *json = &report->writer;

        json_begin(json, NULL, '{');
        json_string(json, "check", slice_of(check));
        json_string(json, "result", slice_of(result));
        json_string(json, "message", slice_of(text));
        if (mend)
                json_string(json, "mend", slice_of(mend));
        json_end(json, '}');
}

static void add_line(struct report *report, const char *result, const char *check, const char *text,
                     const char *mend) {
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(TEXT_MAX);

        buffer_printf(&line, "%-8s %-13s ", result, check);
        ctl_json_show(&line, text);
        if (mend) {
                buffer_append_text(&line, "; ");
                ctl_json_show(&line, mend);
        }
        buffer_append_char(&line, '\n');
        if (report->error == 0)
                report->error = output_write(&line);
}

static void add(struct report *report, const char *result, const char *check, const char *mend,
                const char *format, va_list arguments) __attribute__((format(printf, 5, 0)));

static void add(struct report *report, const char *result, const char *check, const char *mend,
                const char *format, va_list arguments) {
        char text[TEXT_MAX / 2];

        if (vsnprintf(text, sizeof text, format, arguments) < 0)
                text[0] = 0;
        if (report->is_json)
                add_json(report, result, check, text, mend);
        else
                add_line(report, result, check, text, mend);
}

bool report_ok(struct report *report, const char *check, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        add(report, "ok", check, NULL, format, arguments);
        va_end(arguments);
        return true;
}

bool report_skip(struct report *report, const char *check, const char *format, ...) {
        va_list arguments;

        report->n_skipped++;
        va_start(arguments, format);
        add(report, "skipped", check, NULL, format, arguments);
        va_end(arguments);
        return true;
}

bool report_warn(struct report *report, const char *check, const char *mend, const char *format,
                 ...) {
        va_list arguments;

        va_start(arguments, format);
        add(report, "warning", check, mend, format, arguments);
        va_end(arguments);
        return true;
}

bool report_wrong(struct report *report, const char *check, const char *mend, const char *format,
                  ...) {
        va_list arguments;

        report->is_wrong = true;
        va_start(arguments, format);
        add(report, report->is_json ? "wrong" : "WRONG", check, mend, format, arguments);
        va_end(arguments);
        return false;
}

static void add_verdict(const struct report *report, struct buffer *line) {
        unsigned n = report->n_skipped;

        if (report->is_wrong)
                buffer_append_text(line, "Something is wrong");
        else if (n == 0)
                buffer_append_text(line, "Nothing is wrong");
        else
                buffer_printf(line, "Nothing is wrong in what was looked at; %u check%s skipped", n,
                              n == 1 ? " was" : "s were");
}

int report_end(struct report *report, enum request request) {
        static const char *const words[] = {
                [REQUEST_NONE] = "no token request was made",
                [REQUEST_MADE] = "one token request was made",
                [REQUEST_FOLLOWS] = "no token request was made, one follows",
        };
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(TEXT_MAX);

        if (report->is_json) {
                json_end(&report->writer, ']');
                json_boolean(&report->writer, "ok", !report->is_wrong);
                json_integer(&report->writer, "token_requests", request == REQUEST_MADE);
                json_boolean(&report->writer, "request_follows", request == REQUEST_FOLLOWS);
                json_end(&report->writer, '}');
                buffer_append_char(&report->json, '\n');
                return output_write(&report->json);
        }
        add_verdict(report, &line);
        buffer_printf(&line, "; %s.\n", words[request]);
        return report->error < 0 ? report->error : output_write(&line);
}
