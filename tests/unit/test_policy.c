/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/policy.h"

static const uid_t users[] = {1000, 1001};
static const gid_t groups[] = {50, 51};

#define USERS  .users = users, .n_users = ELEMENTS(users)
#define GROUPS .groups = groups, .n_groups = ELEMENTS(groups)

static const struct {
        const char *who;
        struct policy policy;
        struct peer peer; /* without supplementary groups */
        gid_t supplementary[3];
        size_t n_supplementary;
        bool allowed;
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
};

static void test_each_kind_that_is_given_must_hold(void **state) {
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct peer peer = cases[i].peer;
                gid_t supplementary[3];

                memcpy(supplementary, cases[i].supplementary, sizeof supplementary);
                peer.groups = supplementary;
                peer.n_groups = cases[i].n_supplementary;
                if (policy_allows(&cases[i].policy, &peer) != cases[i].allowed)
                        fail_msg("%s", cases[i].who);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_kind_that_is_given_must_hold),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
