/* SPDX-License-Identifier: MIT */
/* keygen - makes a client's key pair, for 'bearerctl keygen'. */
#pragma once

/* Where the private key is written to: bearerctl has opened it. */
#define KEYGEN_FD 3

/* Writes the private key, a JWK, to KEYGEN_FD, and the set with the public one to stdout. ALGORITHM
 * is one of signing_algorithm_words. The exit status; what is wrong is said in the log. */
int keygen(const char *algorithm);
