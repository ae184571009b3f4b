/* SPDX-License-Identifier: MIT */
/* message - the kinds of message that bearerd and bearerd-fetch can log: one line each.
 *
 * A kind is what an operator does something about, not a text. Its MESSAGE_ID never changes and is
 * never used for another one: people search for it. systemd/bearerd.catalog and docs/operating.md
 * have an entry for each (tests/architecture/test_messages.py). */
#pragma once

#include <syslog.h>

/* clang-format off */
#define MESSAGES(X) \
        /* of bearerd: tokens */ \
        X(GRANTED,             "4960ad1483c940f2a74c8dd941ec87d8", LOG_INFO) \
        X(SHORT_LIVED,         "8be5638af70f4a3db8a9f1facb668d4e", LOG_WARNING) \
        X(FAILED,              "9ba4428396524db8b408a819b01a591b", LOG_WARNING) \
        X(DENIED,              "12e4becb26524d77b676afe955647a11", LOG_ERR) \
        X(MISCONFIGURED,       "6fdf751f0fb24b0a990216e30e6c2abd", LOG_ERR) \
        X(EXPIRED,             "29caf227b21143f9a17ddbb114acf66a", LOG_ERR) \
        X(REFRESHED,           "179741d7ae3049b982e35d139c3cdd42", LOG_INFO) \
        X(UNIT_REFUSED,        "17a855775a924e47942d27b01ab65b4c", LOG_WARNING) \
        X(UNIT_UNKNOWN,        "40f6dfafc8584ce2a544afaffa6b4c39", LOG_WARNING) \
        /* of bearerd: who has had a token */ \
        X(AUDIT_GIVEN,         "ec548a69bcf142f7b65053623d159363", LOG_INFO) \
        X(AUDIT_REFUSED,       "66d413776bd749408b495ec29727d414", LOG_WARNING) \
        X(AUDIT_LEFT_OUT,      "275032e55b6f4046a6b78432e74ba4a2", LOG_WARNING) \
        /* of bearerd: its configuration */ \
        X(CONFIG_MISTAKE,      "ad38d3621fbd445d91735f83d2cd3756", LOG_ERR) \
        X(CONFIG_WARNING,      "0349fbc26e7546dbbe6c1bb24de7b45f", LOG_WARNING) \
        X(RELOADED,            "41de629f980c43a598379453b798b9c9", LOG_INFO) \
        X(NOT_RELOADED,        "06839122580f42d8a55e7e3c6ffb3eef", LOG_ERR) \
        X(UNCONFIGURED,        "cf0b1436e6c846779182a0e3af6b2f93", LOG_ERR) \
        /* of bearerd: itself */ \
        X(SERVING,             "7eb59225144d4c3a91017ec89a26a7a9", LOG_INFO) \
        X(DROPPED,             "92f74886d339400f8e39ba8e1e7ad396", LOG_WARNING) \
        X(NOT_KEPT,            "3ea08653b71441928b72d689ca6cf30c", LOG_WARNING) \
        X(NOT_PUBLISHED,       "ef6a93ebb33a417e949a1177e5d43740", LOG_WARNING) \
        X(STRAINED,            "76b90942921341e0826e14c5cd9095d1", LOG_WARNING) \
        X(RUSH,                "8e495b48a2da4570b07d98d761aaad0c", LOG_WARNING) \
        X(CANNOT_LISTEN,       "a51591b6f6e546ccba8027082e2e6eea", LOG_ERR) \
        /* of both */ \
        X(LOST,                "0706e6072c4742e880d21b8e4e9df6b6", LOG_WARNING) \
        X(CANNOT_GO_ON,        "cdae319d37c94d6d9cb3c0763788293f", LOG_ERR) \
        X(WRONG_USAGE,         "bb2a5916a714469fb41a54ae11e83d6d", LOG_ERR) \
        /* of bearerd-fetch */ \
        X(FETCH_MISCONFIGURED, "59993dd69cea4c8ca3bcf31b087d0f7f", LOG_ERR) \
        X(FETCH_EXPIRING,      "1eed2f9a89624a0a99eb3f72dbd8d0de", LOG_WARNING) \
        X(FETCH_OUTDATED,      "768bd94257cb4575919fc4d632e89aae", LOG_WARNING) \
        X(FETCH_NOT_ASKED,     "368b7d16ceae45d1bf4077b3cdede2e2", LOG_WARNING) \
        X(FETCH_NOT_HEARD,     "9857a5bb4c8945af8a258c84ce95e503", LOG_WARNING)
/* clang-format on */

enum message_kind {
#define MESSAGE_KIND(name, id, priority) MESSAGE_##name,
        MESSAGES(MESSAGE_KIND)
#undef MESSAGE_KIND
};
