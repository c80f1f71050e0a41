/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <NetworkManager.h>

G_BEGIN_DECLS

/*
 * The one view of NetworkManager that all of the service has: it is made when it is first asked
 * for, and stays, whether NetworkManager runs or not.
 */
#define BOTHY_TYPE_NM (bothy_nm_get_type ())
G_DECLARE_FINAL_TYPE (BothyNm, bothy_nm, BOTHY, NM, GObject)

BothyNm *bothy_nm_new (void);

void bothy_nm_get (BothyNm *self, GAsyncReadyCallback callback, gpointer user_data);

/* (transfer none); NULL with BOTHY_ERROR. */
NMClient *bothy_nm_get_finish (BothyNm *self, GAsyncResult *result, GError **error);

/* NULL as long as nobody got it. */
NMClient *bothy_nm_peek (BothyNm *self);

G_END_DECLS
