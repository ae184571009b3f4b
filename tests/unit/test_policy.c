/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/policy.h"

static const uid_t users[] = {1000, 1001};
static const gid_t groups[] = {50, 51};
static char service[] = "worker.service", template[] = "worker@*.service";
static char *const units[] = {service, template};

#define USERS  .users = users, .n_users = ELEMENTS(users)
#define GROUPS .groups = groups, .n_groups = ELEMENTS(groups)
#define UNITS  .units = units, .n_units = ELEMENTS(units)

static const struct {
        const char *who;
        struct policy policy;
        struct peer peer; /* without supplementary groups */
        gid_t supplementary[3];
        size_t n_supplementary;
        bool allowed;
        const char *unit;
} cases[] = {
        {"no list: everyone", {0}, {.uid = 7, .gid = 7}, {0}, 0, true},
        {"first user", {USERS}, {.uid = 1000, .gid = 7}, {0}, 0, true},
        {"last user", {USERS}, {.uid = 1001, .gid = 7}, {0}, 0, true},
        {"another user", {USERS}, {.uid = 1002, .gid = 7}, {0}, 0, false},
        {"a group's number is no user's", {USERS}, {.uid = 50, .gid = 1000}, {1000}, 1, false},
        {"root follows the users", {USERS}, {.uid = 0, .gid = 0}, {0}, 1, false},
        {"first group", {GROUPS}, {.uid = 7, .gid = 50}, {0}, 0, true},
        {"last group", {GROUPS}, {.uid = 7, .gid = 51}, {0}, 0, true},
        {"another group", {GROUPS}, {.uid = 7, .gid = 52}, {0}, 0, false},
        {"a user's number is no group's", {GROUPS}, {.uid = 50, .gid = 7}, {0}, 0, false},
        {"last supplementary group", {GROUPS}, {.uid = 7, .gid = 7}, {8, 9, 51}, 3, true},
        {"supplementary groups past the end", {GROUPS}, {.uid = 7, .gid = 7}, {8, 9, 51}, 2, false},
        {"root follows the groups", {GROUPS}, {.uid = 0, .gid = 0}, {0}, 1, false},
        {"both hold", {USERS, GROUPS}, {.uid = 1000, .gid = 50}, {0}, 0, true},
        {"the user alone", {USERS, GROUPS}, {.uid = 1000, .gid = 7}, {0}, 0, false},
        {"the group alone", {USERS, GROUPS}, {.uid = 7, .gid = 50}, {0}, 0, false},
        {"no list: every unit", {0}, {.uid = 7}, {0}, 0, true, "other.service"},
        {"first unit", {UNITS}, {.uid = 7}, {0}, 0, true, "worker.service"},
        {"last unit", {UNITS}, {.uid = 7}, {0}, 0, true, "worker@1.service"},
        {"another unit", {UNITS}, {.uid = 7}, {0}, 0, false, "other.service"},
        {"a unit that is not known", {UNITS}, {.uid = 7}, {0}, 0, false, NULL},
        {"root follows the units", {UNITS}, {.uid = 0}, {0}, 0, false, NULL},
        {"all three hold",
         {USERS, GROUPS, UNITS},
         {.uid = 1000, .gid = 50},
         {0},
         0,
         true,
         "worker.service"},
        {"all but the user",
         {USERS, GROUPS, UNITS},
         {.uid = 7, .gid = 50},
         {0},
         0,
         false,
         "worker.service"},
        {"all but the group",
         {USERS, GROUPS, UNITS},
         {.uid = 1000, .gid = 7},
         {0},
         0,
         false,
         "worker.service"},
        {"all but the unit",
         {USERS, GROUPS, UNITS},
         {.uid = 1000, .gid = 50},
         {0},
         0,
         false,
         "other.service"},
        {"a unit to be started", {UNITS}, {.is_unit = true}, {0}, 0, true, "worker.service"},
        {"another unit to be started", {UNITS}, {.is_unit = true}, {0}, 0, false, "other.service"},
        {"a unit to be started, no list", {0}, {.is_unit = true}, {0}, 0, true, "other.service"},
        {"a unit is no user",
         {USERS, UNITS},
         {.uid = 1000, .is_unit = true},
         {0},
         0,
         false,
         "worker.service"},
        {"a unit is in no group",
         {GROUPS, UNITS},
         {.gid = 50, .is_unit = true},
         {0},
         0,
         false,
         "worker.service"},
        {"a unit is in no supplementary group",
         {GROUPS},
         {.is_unit = true},
         {50},
         1,
         false,
         "worker.service"},
};

static void test_each_kind_that_is_given_must_hold(void **state) {
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct peer peer = cases[i].peer;
                gid_t supplementary[3];
                char unit[32];

                memcpy(supplementary, cases[i].supplementary, sizeof supplementary);
                peer.groups = supplementary;
                peer.n_groups = cases[i].n_supplementary;
                if (cases[i].unit)
                        peer.unit = strcpy(unit, cases[i].unit);
                if (policy_allows(&cases[i].policy, &peer) != cases[i].allowed)
                        fail_msg("%s", cases[i].who);
        }
}

static void test_first_list_that_forbids_is_named(void **state) {
        const struct policy all = {USERS, GROUPS, UNITS};
        char named[] = "worker.service", other[] = "other.service";
        const struct {
                struct peer peer;
                enum policy_verdict verdict;
        } judged[] = {
                {{.uid = 1000, .gid = 50, .unit = named}, POLICY_ALLOWS},
                {{.uid = 9, .gid = 9, .unit = other}, POLICY_FORBIDS_USER},
                {{.uid = 1000, .gid = 9, .unit = other}, POLICY_FORBIDS_GROUP},
                {{.uid = 1000, .gid = 9, .has_more_groups = true, .unit = named},
                 POLICY_NEEDS_GROUPS},
                {{.uid = 1000, .gid = 50, .has_more_groups = true, .unit = named}, POLICY_ALLOWS},
                {{.uid = 1000, .gid = 50, .unit = other}, POLICY_FORBIDS_UNIT},
                {{.uid = 1000, .gid = 50}, POLICY_NEEDS_UNIT},
        };

        for (size_t i = 0; i < ELEMENTS(judged); i++)
                assert_int_equal(policy_judge(&all, &judged[i].peer), judged[i].verdict);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_list_that_forbids_is_named),
                cmocka_unit_test(test_each_kind_that_is_given_must_hold),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
