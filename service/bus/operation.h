/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/call.h"
#include "core/operations/operations.h"

G_BEGIN_DECLS

/* What an operation does once its turn has come. TARGET is what the call was for, REQUEST what its arguments became: both are
   there until this returns. OPERATION is kept until it completes (transfer full). */
typedef void (*BothyOperationWork) (BothyRegistry *registry,
                                    BothyOperation *operation,
                                    GObject *target,
                                    gpointer request);

/* Reply to CALL with the path of a new operation of its caller's, of KIND about SUBJECT (what he calls it, or NULL), which begins in PHASE (static, as KIND) by WORK as soon
   as fewer of his are at work than may be; or with QUOTA_EXCEEDED. The call's request goes along. */
void bothy_call_return_operation (
    BothyCall *call, const char *kind, const char *subject, const char *phase, BothyOperationWork work);

G_END_DECLS
