/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "images/json/error.h"

/* Keys that may sign, as gpgv takes them. */
typedef struct _Keyring Keyring;

/* From the file FD: OpenPGP public keys, binary or ASCII-armoured. */
Keyring *keyring_new (int fd, GError **error);

/* Free it, and close the file with the keys. */
void keyring_free (Keyring *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Keyring, keyring_free)

/* Whether one of the keys signed DATA. Returns the key's fingerprint; NULL with FETCH_NOT_VERIFIED. */
char *keyring_verify (Keyring *self, GBytes *signature, GBytes *data, GError **error);

/* The same for text that has its signature around it; RET_DATA is what was signed. */
char *keyring_verify_clear (Keyring *self, GBytes *signed_text, GBytes **ret_data, GError **error);
