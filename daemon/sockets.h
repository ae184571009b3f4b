/* SPDX-License-Identifier: MIT */
/* sockets - where bearerd listens: the sockets that systemd passed, or one of its own.
 *
 * Owns them, and the path of its own one. What goes wrong here is told here. */
#pragma once

#include <stdbool.h>

#include "io/passed.h"
#include "io/server.h"
#include "settings.h"

struct sockets {
        int token[SERVER_SOCKETS_MAX]; /* where workers ask */
        size_t n_token;
        int credential;     /* where systemd asks for a unit's LoadCredential=; < 0: none */
        int control;        /* where operators ask; < 0: none */
        char *path;         /* of the token socket that we made; NULL: it is systemd's */
        char *control_path; /* the same of the control socket */
};

#define SOCKETS_NONE ((struct sockets){.credential = -1, .control = -1})

/* Takes out of PASSED what is ours, which may be nothing: then there is one to be made. 0, or < 0:
 * what was passed is of no use. */
int sockets_take(struct sockets *sockets, struct passed *passed);

/* The token socket, at PATH or, where that is NULL, where SETTINGS say. 0, or < 0. */
int sockets_make(struct sockets *sockets, const char *path, const struct settings *settings);
/* The control socket, at PATH: its owner's alone. 0, or < 0. */
int sockets_make_control(struct sockets *sockets, const char *path);

/* Those that we made refuse from now on; nothing is ours any more. */
void sockets_shut(struct sockets *sockets);
