/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Operation */
#include "bus/operation.h"

#include "bus/handlers.h"
#include "bus/paths.h"
#include "base/error.h"

/* ---- beginning one ---- */

typedef struct {
  BothyRegistry *registry;
  GObject *target;
  gpointer request;
  GDestroyNotify free_request;
  BothyOperationWork work;
} Begin;

static void
begin_free (gpointer data)
{
  Begin *begin = data;

  if (begin->request)
    begin->free_request (begin->request);
  g_object_unref (begin->target);
  g_object_unref (begin->registry);
  g_free (begin);
}

static void
on_turn (BothyOperation *operation, gpointer data)
{
  const Begin *begin = data;

  begin->work (begin->registry, g_object_ref (operation), begin->target, begin->request);
}

/* The call itself does not wait along: it counts among those that its caller has under way. */
void
bothy_call_return_operation (
    BothyCall *call, const char *kind, const char *subject, const char *phase, BothyOperationWork work)
{
  BothyOperations *operations = bothy_registry_get_operations (call->registry);
  GError *error = NULL;
  g_autoptr (BothyOperation) operation =
      bothy_operations_add (operations, call->user, kind, subject, phase, &error);
  g_autofree char *path = NULL;
  Begin *begin;

  if (!operation) {
    bothy_call_return_error (call, error);
    return;
  }
  path = bothy_path_of_operation (operation->id);
  bothy_call_return (call, g_variant_new ("(o)", path));
  begin = g_new0 (Begin, 1);
  begin->registry = g_object_ref (call->registry);
  begin->target = g_object_ref (call->node->target);
  begin->request = g_steal_pointer (&call->request);
  begin->free_request = call->free_request;
  begin->work = work;
  bothy_operations_wait (operations, operation, on_turn, begin, begin_free);
}

/* ---- Cancel ---- */

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
