/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bearer.h"
#include "client/doctor/doctor.h"

static bool (*const checks[])(struct doctor *doctor) = {
        doctor_check_configuration, doctor_check_paths, doctor_check_group,   doctor_check_socket,
        doctor_check_loaded,        doctor_check_peer,  doctor_check_network, doctor_check_grant,
};

static void doctor_deinit(struct doctor *doctor) {
        report_deinit(&doctor->report);
        user_deinit(&doctor->user);
        config_free(doctor->config);
        free(doctor->fetch);
}

static int fail_user(const struct ctl *ctl, int r) {
        if (r == -ENOENT && ctl->as) {
                fprintf(stderr,
                        "bearerctl: doctor: --as %s: there is no such user; 'getent passwd' lists "
                        "them\n",
                        ctl->as);
                return EX_NOUSER;
        }
        fprintf(stderr, "bearerctl: doctor: who calls cannot be looked up: %s; see --as\n",
                bearer_strerror(r));
        return EX_OSERR;
}

int ctl_doctor(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(doctor_deinit) struct doctor doctor = {.ctl = ctl};
        int r = 0;

        if (ctl->name && !token_name_is_valid(slice_of(ctl->name)))
                return ctl_fail(ctl, BEARER_E_INVALID);
        report_begin(&doctor.report, ctl->json);
        r = user_find(ctl->as, &doctor.user);
        if (r < 0)
                return fail_user(ctl, r);
        for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
                if (!checks[i](&doctor))
                        break;
        r = report_end(&doctor.report, doctor.request);
        if (r < 0)
                return ctl_fail_stdout(r);
        return doctor.report.is_wrong ? EXIT_WRONG : EX_OK;
}
