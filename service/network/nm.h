/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <NetworkManager.h>

G_BEGIN_DECLS

/*
 * The one view of NetworkManager that all of the service has: it is made when it is first asked
 * for, and stays, whether NetworkManager runs or not.
 *
 * Signal: "answers" (): somebody got no answer from NetworkManager; now it gives answers again. The view may be
 * another than before.
 */
#define BOTHY_TYPE_NM (bothy_nm_get_type ())
G_DECLARE_FINAL_TYPE (BothyNm, bothy_nm, BOTHY, NM, GObject)

BothyNm *bothy_nm_new (void);

/* Takes a few seconds at most, also when NetworkManager stands still. */
void bothy_nm_get (BothyNm *self, GAsyncReadyCallback callback, gpointer user_data);

/* (transfer none); NULL with BOTHY_ERROR. */
NMClient *bothy_nm_get_finish (BothyNm *self, GAsyncResult *result, GError **error);

/* NULL as long as nobody got it. */
NMClient *bothy_nm_peek (BothyNm *self);

/* Whether somebody got no answer, and "answers" has not followed yet. */
gboolean bothy_nm_is_doubted (BothyNm *self);

/* A call of one's own got no answer: "answers" follows when there are some again. */
void bothy_nm_doubt (BothyNm *self);

/* Whether ERROR, of such a call, says that there was no answer. */
gboolean bothy_nm_is_silence (const GError *error);

/* Whether it runs, and answers within SECONDS (G_MAXINT: however long that takes); an error says what it does not. */
void bothy_nm_probe (BothyNm *self, int seconds, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_nm_probe_finish (BothyNm *self, GAsyncResult *result, GError **error);

G_END_DECLS
