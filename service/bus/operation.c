/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Operation */
#include "bus/handlers.h"

#include "base/error.h"

void
bothy_operation_handle_cancel (BothyCall *call)
{
  BothyOperation *operation = BOTHY_OPERATION (call->node->target);

  if (operation->done) {
    bothy_call_return_error (call,
                             g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "The operation has ended"));
    return;
  }
  g_cancellable_cancel (operation->cancellable);
  bothy_call_return (call, NULL);
}
