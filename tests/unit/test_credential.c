/* SPDX-License-Identifier: MIT */
#include "story.h"

#include <errno.h>
#include <stdio.h>

#include "wire/credential.h"

/* In one literal with a digit, it would be another character. */
#define NUL "\0"

static void test_address_names_unit_and_id(void **state) {
        static const struct {
                struct slice address;
                const char *unit, *id; /* NULL: it is no such address */
        } cases[] = {
                {SLICE_INIT(NUL "9f8a3b0c11223344/unit/worker.service/token"), "worker.service",
                 "token"},
                {SLICE_INIT(NUL "0/unit/a@b.service/athena"), "a@b.service", "athena"},
                {SLICE_INIT(NUL "1f/unit/dev-x\\x2dy.swap/a.b c"), "dev-x\\x2dy.swap", "a.b c"},

                {SLICE_INIT("")},
                {SLICE_INIT("\0")},
                {SLICE_INIT("\0\0")},
                {SLICE_INIT("/run/user/1000/unit/worker.service/token")},
                {SLICE_INIT("9f/unit/worker.service/token")},
                {SLICE_INIT(NUL "/unit/worker.service/token")},
                {SLICE_INIT(NUL "9F/unit/worker.service/token")},
                {SLICE_INIT(NUL "x/unit/worker.service/token")},
                {SLICE_INIT(NUL "01234567890abcdef/unit/worker.service/token")},
                {SLICE_INIT(NUL "9f")},
                {SLICE_INIT(NUL "9f/unit")},
                {SLICE_INIT(NUL "9f/unit/")},
                {SLICE_INIT(NUL "9f/unit/worker.service")},
                {SLICE_INIT(NUL "9f/unit/worker.service/")},
                {SLICE_INIT(NUL "9f/unit//token")},
                {SLICE_INIT(NUL "9f/units/worker.service/token")},
                {SLICE_INIT(NUL "9f/Unit/worker.service/token")},
                {SLICE_INIT(NUL "9f//unit/worker.service/token")},
                {SLICE_INIT(NUL "9f/unit/worker/token")},
                {SLICE_INIT(NUL "9f/unit/worker@.service/token")},
                {SLICE_INIT(NUL "9f/unit/*.service/token")},
                {SLICE_INIT(NUL "9f/unit/work\0er.service/token")},
                {SLICE_INIT(NUL "9f/unit/worker.service/to/ken")},
                {SLICE_INIT(NUL "9f/unit/worker.service/token/")},
                {SLICE_INIT(NUL "9f/unit/worker.service/to:ken")},
                {SLICE_INIT(NUL "9f/unit/worker.service/to\nken")},
                {SLICE_INIT(NUL "9f/unit/worker.service/token\0")},
                {SLICE_INIT(NUL "9f/unit/worker.service/t\xc3\xb6ken")},
                {SLICE_INIT(NUL "9f/unit/worker.service/.")},
                {SLICE_INIT(NUL "9f/unit/worker.service/..")},
                {SLICE_INIT(NUL "9f/unit/../..")},
                {{NULL, 0}},
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct credential_address address = {"before", "before"};
                int r = credential_address_parse(cases[i].address, &address);

                if (r != (cases[i].unit ? 0 : -EINVAL))
                        fail_msg("case %zu: %d", i, r);
                assert_string_equal(address.unit, cases[i].unit ? cases[i].unit : "before");
                assert_string_equal(address.id, cases[i].id ? cases[i].id : "before");
        }
}

static void test_address_has_108_bytes_and_not_109(void **state) {
        for (size_t size = CREDENTIAL_ADDRESS_MAX; size <= CREDENTIAL_ADDRESS_MAX + 1; size++) {
                struct credential_address address;
                char text[CREDENTIAL_ADDRESS_MAX + 1] = NUL "9f/unit/a.service/";
                size_t head = 1 + strlen(text + 1);

                memset(text + head, 'i', size - head);
                assert_int_equal(credential_address_parse((struct slice){text, size}, &address),
                                 size == CREDENTIAL_ADDRESS_MAX ? 0 : -EINVAL);
                if (size == CREDENTIAL_ADDRESS_MAX)
                        assert_int_equal(strlen(address.id), size - head);
        }
}

static void test_random_number_has_16_digits_and_not_17(void **state) {
        struct credential_address address;

        assert_int_equal(credential_address_parse(
                                 SLICE(NUL "0123456789abcdef/unit/worker.service/token"), &address),
                         0);
        assert_int_equal(
                credential_address_parse(SLICE(NUL "0123456789abcdef0/unit/worker.service/token"),
                                         &address),
                -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_address_names_unit_and_id),
                cmocka_unit_test(test_address_has_108_bytes_and_not_109),
                cmocka_unit_test(test_random_number_has_16_digits_and_not_17),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
