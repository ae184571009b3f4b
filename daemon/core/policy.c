/* SPDX-License-Identifier: MIT */
#include "core/policy.h"
#include "core/unit.h"

static bool has_group(const struct policy *policy, gid_t group) {
        for (size_t i = 0; i < policy->n_groups; i++)
                if (policy->groups[i] == group)
                        return true;
        return false;
}

static bool user_allowed(const struct policy *policy, const struct peer *peer) {
        if (policy->n_users == 0)
                return true;
        for (size_t i = 0; i < policy->n_users && !peer->is_unit; i++)
                if (policy->users[i] == peer->uid)
                        return true;
        return false;
}

static bool group_allowed(const struct policy *policy, const struct peer *peer) {
        if (policy->n_groups == 0)
                return true;
        if (peer->is_unit)
                return false;
        if (has_group(policy, peer->gid))
                return true;
        for (size_t i = 0; i < peer->n_groups; i++)
                if (has_group(policy, peer->groups[i]))
                        return true;
        return false;
}

static bool unit_allowed(const struct policy *policy, const struct peer *peer) {
        if (policy->n_units == 0)
                return true;
        for (size_t i = 0; i < policy->n_units && peer->unit; i++)
                if (unit_matches(policy->units[i], peer->unit))
                        return true;
        return false;
}

enum policy_verdict policy_judge(const struct policy *policy, const struct peer *peer) {
        if (!user_allowed(policy, peer))
                return POLICY_FORBIDS_USER;
        if (!group_allowed(policy, peer))
                return peer->has_more_groups ? POLICY_NEEDS_GROUPS : POLICY_FORBIDS_GROUP;
        if (unit_allowed(policy, peer))
                return POLICY_ALLOWS;
        return peer->unit ? POLICY_FORBIDS_UNIT : POLICY_NEEDS_UNIT;
}

bool policy_allows(const struct policy *policy, const struct peer *peer) {
        return policy_judge(policy, peer) == POLICY_ALLOWS;
}
