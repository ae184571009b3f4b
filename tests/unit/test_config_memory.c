/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The code itself, with allocations that fail one after the other. A leak shows in the build with
 * sanitizers. */
static unsigned allocations_left;

static bool fails(void) {
        if (allocations_left == 0)
                return true;
        allocations_left--;
        return false;
}

/* macros themselves where _FORTIFY_SOURCE is as clang has it */
#undef asprintf
#undef vasprintf
#define malloc(size)           (fails() ? NULL : malloc(size))
#define calloc(n, size)        (fails() ? NULL : calloc(n, size))
#define reallocarray(p, n, s)  (fails() ? NULL : reallocarray(p, n, s))
#define strndup(text, size)    (fails() ? NULL : strndup(text, size))
#define asprintf(...)          (fails() ? -1 : asprintf(__VA_ARGS__))
#define vasprintf(text, f, ap) (fails() ? -1 : vasprintf(text, f, ap))

#include "wire/config.c"
#include "wire/config_checks.c"
#include "wire/config_keys.c"
#include "wire/config_messages.c"

static const char right[] = "[broker]\n"
                            "socket = /run/x\n"
                            "[token a]\n"
                            "token_url = http://localhost/\n"
                            "client_id = id\n"
                            "client_secret = env:SECRET\n"
                            "allow_users = a, b\n"
                            "allow_units = a.service\n"
                            "form = a=b\n"
                            "form = c=d\n"
                            "[token b]\n"
                            "provider = athenahealth\n"
                            "client_id = id\n"
                            "client_secret = env:SECRET\n"
                            "default = yes\n"
                            "[token c]\n"
                            "provider = athenahealth\n"
                            "client_id = id\n"
                            "client_secret = env:SECRET\n";

static const char wrong[] = "[broker]\n"
                            "sockett = /run/x\n"
                            "[token A]\n"
                            "allow_users = a:b\n"
                            "client_id = x:y\n"
                            "client_id = z\n"
                            "[nothing]\n";

static int parse(const char *text, struct config_messages *messages, struct config **ret_config) {
        return config_parse(slice_of(text), "FILE", messages, ret_config);
}

static char *get(const char *name) {
        static char url[] = "http://localhost";

        return url;
}

static int from_environment(const char *text, struct config_messages *messages,
                            struct config **ret_config) {
        return config_from_environment(get, messages, ret_config);
}

/* Which allocation fails does not matter. */
static void assert_survives(int (*read)(const char *, struct config_messages *, struct config **),
                            const char *text, int result, unsigned least) {
        for (unsigned n = 0;; n++) {
                struct config_messages messages = CONFIG_MESSAGES_INIT;
                struct config *config = NULL;
                int r;

                assert_true(n < 1000);
                allocations_left = n;
                r = read(text, &messages, &config);
                config_messages_deinit(&messages);
                assert_true((r == 0) == (config != NULL));
                config_free(config);
                if (r == -ENOMEM)
                        continue;
                assert_int_equal(r, result);
                assert_true(n >= least);
                return;
        }
}

static void test_every_failed_allocation_is_told(void **state) {
        assert_survives(parse, right, 0, 30);
        assert_survives(parse, wrong, -EINVAL, 20);
        assert_survives(from_environment, NULL, -EINVAL, 10);
}

static void test_a_message_that_cannot_be_kept_is_not_forgotten(void **state) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;

        allocations_left = 2 * CONFIG_MESSAGES_MAX;
        for (unsigned i = 0; i < CONFIG_MESSAGES_MAX; i++)
                config_messages_add(&messages, true, "FILE", i, "mistake");
        assert_int_equal(messages.error, 0);
        config_messages_add(&messages, true, "FILE", 1, "mistake");
        assert_int_equal(messages.error, -ENOMEM);
        assert_int_equal(messages.n, CONFIG_MESSAGES_MAX);
        assert_int_equal(messages.n_errors, CONFIG_MESSAGES_MAX + 1);
        config_messages_deinit(&messages);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_failed_allocation_is_told),
                cmocka_unit_test(test_a_message_that_cannot_be_kept_is_not_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
