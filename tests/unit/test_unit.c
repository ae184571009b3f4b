/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/unit.h"

static void test_names_are_those_of_units_with_processes(void **state) {
        static const struct {
                const char *name;
                bool is_name, is_pattern;
        } cases[] = {
                {"worker.service", true, true},
                {"worker@1.service", true, true},
                {"worker@a@b.service", true, true},
                {"dev-disk\\x2dby.swap", true, true},
                {"session-1.scope", true, true},
                {"worker.socket", true, true},
                {"srv-data.mount", true, true},
                {"a.b.service", true, true},
                {"A:_9.service", true, true},
                {"service.service", true, true},

                {"worker*.service", false, true},
                {"worker@*.service", false, true},
                {"worker@*", false, true},
                {"*", false, true},
                {"**", false, true},
                {"*.service", false, true},
                {"worker.*", false, true},
                {"worker*ice", false, true},
                {"a.b*", false, true},
                {"*.scope", false, true},
                {"*@1.service", false, true},

                {"", false, false},
                {"worker", false, false},
                {".service", false, false},
                {"worker.", false, false},
                {"worker.servic", false, false},
                {"worker.services", false, false},
                {"worker.Service", false, false},
                {"worker*.servce", false, false},
                {"*.timer", false, false},
                {"worker.slice", false, false},
                {"worker.timer", false, false},
                {"worker@.service", false, false},
                {"*@.service", false, false},
                {"@1.service", false, false},
                {"@*", false, false},
                {"work er.service", false, false},
                {"work/er.service", false, false},
                {"worker?.service", false, false},
                {"[ab].service", false, false},
                {"w\xc3\xb6rker.service", false, false},
                {"worker.service\n", false, false},
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                if (unit_name_is_valid(slice_of(cases[i].name)) != cases[i].is_name)
                        fail_msg("name %s", cases[i].name);
                if (unit_pattern_is_valid(slice_of(cases[i].name)) != cases[i].is_pattern)
                        fail_msg("pattern %s", cases[i].name);
        }
        assert_false(unit_name_is_valid(SLICE("work\0er.service")));
        assert_false(unit_pattern_is_valid(SLICE("work\0er.service")));
        assert_false(unit_name_is_valid((struct slice){NULL, 0}));
        assert_false(unit_pattern_is_valid((struct slice){NULL, 0}));
}

static void test_names_have_255_bytes_and_not_256(void **state) {
        static const char type[] = ".service";
        char name[UNIT_NAME_MAX + 1];

        for (size_t size = UNIT_NAME_MAX; size <= UNIT_NAME_MAX + 1; size++) {
                struct slice slice = {name, size};

                memset(name, 'a', sizeof name);
                memcpy(name + size - strlen(type), type, strlen(type));
                assert_int_equal(unit_name_is_valid(slice), size == UNIT_NAME_MAX);
                assert_int_equal(unit_pattern_is_valid(slice), size == UNIT_NAME_MAX);
                name[0] = '*';
                assert_int_equal(unit_pattern_is_valid(slice), size == UNIT_NAME_MAX);
                name[size - 1] = '*';
                assert_int_equal(unit_pattern_is_valid(slice), size == UNIT_NAME_MAX);
        }
}

static void test_star_stands_for_anything(void **state) {
        static const struct {
                const char *pattern, *name;
                bool matches;
        } cases[] = {
                {"worker.service", "worker.service", true},
                {"worker.service", "worker.servicf", false},
                {"worker.service", "worker.servic", false},
                {"worker.service", "worker.service2", false},
                {"worker.service", "aworker.service", false},
                {"worker.service", "Worker.service", false},
                {"workerXservice", "worker.service", false},
                {"*", "worker.service", true},
                {"*", "", true},
                {"**", "a", true},
                {"", "", true},
                {"", "a", false},
                {"worker@*.service", "worker@1.service", true},
                {"worker@*.service", "worker@a.service.service", true},
                {"worker@*.service", "worker@.service", true},
                {"worker@*.service", "worker.service", false},
                {"worker@*.service", "worker@1.scope", false},
                {"worker@*.service", "aworker@1.service", false},
                {"worker*", "worker", true},
                {"worker*", "worke", false},
                {"*.service", "a.service", true},
                {"*.service", "a.service.scope", false},
                {"a*b*c", "abc", true},
                {"a*b*c", "aXbXbXc", true},
                {"a*b*c", "acb", false},
                {"*ab", "aab", true},
                {"*aab", "aaaab", true},
                {"a?c", "abc", false},
                {"[ab]", "a", false},
                {"\\*", "*", false},
                {"a*a", "a", false},
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++)
                if (unit_matches(cases[i].pattern, cases[i].name) != cases[i].matches)
                        fail_msg("%s, %s", cases[i].pattern, cases[i].name);
}

/* With a step back for every star, this would take longer than the universe has. */
static void test_hostile_pattern_costs_little(void **state) {
        char pattern[UNIT_NAME_MAX + 1] = "", name[UNIT_NAME_MAX + 1] = "";

        for (size_t i = 0; i < UNIT_NAME_MAX - 1; i++)
                pattern[i] = i % 2 == 0 ? '*' : 'a';
        strcat(pattern, "b");
        memset(name, 'a', UNIT_NAME_MAX);
        assert_false(unit_matches(pattern, name));
        name[UNIT_NAME_MAX - 1] = 'b';
        assert_true(unit_matches(pattern, name));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_are_those_of_units_with_processes),
                cmocka_unit_test(test_names_have_255_bytes_and_not_256),
                cmocka_unit_test(test_star_stands_for_anything),
                cmocka_unit_test(test_hostile_pattern_costs_little),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
