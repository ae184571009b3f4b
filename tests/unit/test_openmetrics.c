/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "wire/openmetrics.h"

static struct buffer out;
static struct openmetrics writer;

static int teardown(void **state) {
        buffer_deinit(&out);
        return 0;
}

static void begin(enum openmetrics_format format) {
        buffer_deinit(&out);
        out = BUFFER_INIT(65536);
        writer = (struct openmetrics){&out, format};
}

static void assert_written(const char *text) {
        assert_int_equal(buffer_error(&out), 0);
        buffer_append_char(&out, 0);
        assert_string_equal(out.data, text);
        buffer_clear(&out);
}

static const struct label athena[] = {{"token", "athena"}, {NULL, NULL}};

/* The same metric in both texts. */
static const struct {
        struct metric metric;
        const char *older, *newer;
} metrics[] = {
        {{"a_requests", METRIC_COUNTER, NULL, "How many."},
         "# HELP a_requests_total How many.\n# TYPE a_requests_total counter\n"
         "a_requests_total{token=\"athena\"} 7\n",
         "# HELP a_requests How many.\n# TYPE a_requests counter\n"
         "a_requests_total{token=\"athena\"} 7\n# EOF\n"},
        {{"a_left", METRIC_GAUGE, NULL, "How much."},
         "# HELP a_left How much.\n# TYPE a_left gauge\na_left{token=\"athena\"} 7\n",
         "# HELP a_left How much.\n# TYPE a_left gauge\na_left{token=\"athena\"} 7\n# EOF\n"},
        {{"a_time_seconds", METRIC_GAUGE, "seconds", "How long."},
         "# HELP a_time_seconds How long.\n# TYPE a_time_seconds gauge\n"
         "a_time_seconds{token=\"athena\"} 7\n",
         "# HELP a_time_seconds How long.\n# TYPE a_time_seconds gauge\n"
         "# UNIT a_time_seconds seconds\na_time_seconds{token=\"athena\"} 7\n# EOF\n"},
        {{"a_build", METRIC_INFO, NULL, "What."},
         "# HELP a_build_info What.\n# TYPE a_build_info gauge\n"
         "a_build_info{token=\"athena\"} 7\n",
         "# HELP a_build What.\n# TYPE a_build info\n"
         "a_build_info{token=\"athena\"} 7\n# EOF\n"},
};

static void test_each_type_is_written_as_each_format_has_it(void **state) {
        for (size_t i = 0; i < ELEMENTS(metrics); i++) {
                for (int format = OPENMETRICS_PROMETHEUS; format <= OPENMETRICS_1_0; format++) {
                        begin((enum openmetrics_format)format);
                        openmetrics_begin(&writer, &metrics[i].metric);
                        openmetrics_integer(&writer, athena, 7);
                        openmetrics_end(&writer);
                        assert_written(format == OPENMETRICS_1_0 ? metrics[i].newer
                                                                 : metrics[i].older);
                }
        }
}

static const struct metric gauge = {"a", METRIC_GAUGE, NULL, "a"};

static void test_values_of_labels_are_escaped_and_empty_ones_left_out(void **state) {
        static const struct {
                const char *value, *written;
        } values[] = {
                {"", "a 1\n"},
                {"x y", "a{one=\"x y\"} 1\n"},
                {"\\", "a{one=\"\\\\\"} 1\n"},
                {"say \"it\"", "a{one=\"say \\\"it\\\"\"} 1\n"},
                {"two\nlines", "a{one=\"two\\nlines\"} 1\n"},
                {"caf\xc3\xa9", "a{one=\"caf\xc3\xa9\"} 1\n"},
                {"caf\xe9!", "a{one=\"caf\xef\xbf\xbd!\"} 1\n"},
                {"\xc3", "a{one=\"\xef\xbf\xbd\"} 1\n"},
        };

        for (size_t i = 0; i < ELEMENTS(values); i++) {
                const struct label labels[] = {{"one", values[i].value}, {NULL, NULL}};

                begin(OPENMETRICS_PROMETHEUS);
                writer.metric = &gauge;
                openmetrics_integer(&writer, labels, 1);
                assert_written(values[i].written);
        }
}

static void test_labels_are_apart(void **state) {
        const struct label labels[] = {{"one", "1"}, {"none", ""}, {"two", "2"}, {NULL, NULL}};

        begin(OPENMETRICS_PROMETHEUS);
        writer.metric = &gauge;
        openmetrics_integer(&writer, labels, UINT64_MAX);
        assert_written("a{one=\"1\",two=\"2\"} 18446744073709551615\n");
        openmetrics_integer(&writer, NULL, 0);
        assert_written("a 0\n");
}

static void test_spans_are_exact_seconds(void **state) {
        static const struct {
                uint64_t span;
                const char *written;
        } spans[] = {
                {0, "a 0\n"},
                {1, "a 0.000000001\n"},
                {SECOND / 2, "a 0.5\n"},
                {SECOND - 1, "a 0.999999999\n"},
                {SECOND, "a 1\n"},
                {3127 * SECOND + 20 * NSEC_PER_MSEC, "a 3127.02\n"},
                {NEVER, "a 18446744073.709551615\n"},
        };

        for (size_t i = 0; i < ELEMENTS(spans); i++) {
                begin(OPENMETRICS_1_0);
                writer.metric = &gauge;
                openmetrics_span(&writer, NULL, spans[i].span);
                assert_written(spans[i].written);
        }
}

/* Up to 1 ms one, up to 2 s three, and four in all. */
static const char buckets[] = "t_bucket{token=\"athena\",le=\"0.001\"} 1\n"
                              "t_bucket{token=\"athena\",le=\"0.005\"} 1\n"
                              "t_bucket{token=\"athena\",le=\"0.01\"} 1\n"
                              "t_bucket{token=\"athena\",le=\"0.05\"} 1\n"
                              "t_bucket{token=\"athena\",le=\"0.1\"} 1\n"
                              "t_bucket{token=\"athena\",le=\"0.25\"} 1\n"
                              "t_bucket{token=\"athena\",le=\"0.5\"} 1\n"
                              "t_bucket{token=\"athena\",le=\"1.0\"} 1\n"
                              "t_bucket{token=\"athena\",le=\"2.0\"} 3\n"
                              "t_bucket{token=\"athena\",le=\"5.0\"} 3\n"
                              "t_bucket{token=\"athena\",le=\"10.0\"} 3\n"
                              "t_bucket{token=\"athena\",le=\"20.0\"} 3\n"
                              "t_bucket{token=\"athena\",le=\"30.0\"} 3\n"
                              "t_bucket{token=\"athena\",le=\"60.0\"} 3\n"
                              "t_bucket{token=\"athena\",le=\"+Inf\"} 4\n"
                              "t_sum{token=\"athena\"} 64.5\n"
                              "t_count{token=\"athena\"} 4\n";

static void test_histogram_has_its_buckets_sum_and_count(void **state) {
        static const struct metric metric = {"t", METRIC_HISTOGRAM, NULL, "t"};
        struct histogram histogram = {0};

        histogram_add(&histogram, 0);
        histogram_add(&histogram, 1500 * NSEC_PER_MSEC);
        histogram_add(&histogram, 2 * SECOND);
        histogram_add(&histogram, 61 * SECOND);
        begin(OPENMETRICS_PROMETHEUS);
        writer.metric = &metric;
        openmetrics_histogram(&writer, athena, &histogram);
        assert_written(buckets);
}

static void test_what_has_no_room_is_an_error(void **state) {
        begin(OPENMETRICS_1_0);
        out = BUFFER_INIT(100);
        openmetrics_begin(&writer, &metrics[2].metric);
        openmetrics_span(&writer, athena, SECOND);
        openmetrics_end(&writer);
        assert_true(buffer_error(&out) < 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_each_type_is_written_as_each_format_has_it),
                TEST(test_values_of_labels_are_escaped_and_empty_ones_left_out),
                TEST(test_labels_are_apart),
                TEST(test_spans_are_exact_seconds),
                TEST(test_histogram_has_its_buckets_sum_and_count),
                TEST(test_what_has_no_room_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
