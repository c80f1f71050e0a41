/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/scope-pool.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "platform/packet.h"
#include "platform/packet-client.h"

#define KEEP_SECONDS 10 /* after its owner's last use */

typedef struct _Spare Spare;

struct _BothyScopePool {
  GObject parent;
  BothyScopes *scopes;
  BothyHelperClient *helper;
  GHashTable *owners; /* uid → Owner */
};

G_DEFINE_FINAL_TYPE (BothyScopePool, bothy_scope_pool, G_TYPE_OBJECT)

typedef struct {
  BothyScopePool *spares; /* which has us */
  guint32 uid;
  gboolean nested;
  Spare *spare; /* whom nobody has taken; NULL: none */
  guint expiry; /* timer: it has not been needed for long */
} Owner;

struct _Spare {
  gatomicrefcount references;
  BothyScopePool *spares;
  guint32 owner;
  gboolean nested;
  BothyCgroupLimits limits;
  BothyPacketClient *holder;
  int their_fd;
  BothyCgroup *group; /* it is ready */
  GTask *taker;       /* who waits for it */
  gboolean dropped;
};

static Spare *
spare_ref (Spare *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

static void
spare_unref (Spare *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  bothy_clear_fd (&self->their_fd);
  g_clear_pointer (&self->group, bothy_cgroup_free);
  g_clear_pointer (&self->holder, bothy_packet_client_unref);
  g_clear_object (&self->taker);
  g_object_unref (self->spares);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Spare, spare_unref)

/* Its holder ends when nobody has the other end of its socket. */
static void
drop (Spare *self)
{
  Owner *owner = g_hash_table_lookup (self->spares->owners, GUINT_TO_POINTER (self->owner));

  self->dropped = TRUE;
  g_clear_pointer (&self->group, bothy_cgroup_free);
  if (self->holder)
    bothy_packet_client_close (self->holder);
  if (owner && owner->spare == self) {
    owner->spare = NULL;
    spare_unref (self);
  }
}

static void
fail (Spare *self, GError *error)
{
  g_autoptr (GTask) taker = g_steal_pointer (&self->taker);
  g_autoptr (Spare) kept = spare_ref (self);

  drop (self);
  if (taker) {
    g_task_return_error (taker, error);
    return;
  }
  g_debug ("No scope is kept ready for user %u: %s", self->owner, error->message);
  g_error_free (error);
}

static void
let_go (gpointer data)
{
  g_autoptr (Spare) self = data;

  drop (self);
}

static void
hand_over (Spare *self)
{
  g_autoptr (GTask) taker = g_steal_pointer (&self->taker);

  self->group->holder = spare_ref (self);
  self->group->let_go = let_go;
  g_task_return_pointer (taker, g_steal_pointer (&self->group), (GDestroyNotify)bothy_cgroup_free);
}

/* Every step ends here when the spare was dropped meanwhile. */
static gboolean
went_wrong (Spare *self, GError *error)
{
  if (error)
    fail (self, error);
  return error || self->dropped;
}

static GUnixFDList *
take_reply (BothyPacket *packet, GError **error)
{
  const struct helper_reply *reply = (const struct helper_reply *)packet->data;

  if (reply->error == 0)
    return g_object_ref (packet->fds);
  bothy_error_set_errno (error, reply->error, "Furnishing the container's scope");
  return NULL;
}

typedef struct {
  Spare *spare;
  char *path;
} Furnish;

static void
on_furnished (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Furnish *furnish = user_data;
  g_autoptr (Spare) self = furnish->spare;
  g_autofree char *path = furnish->path;
  GError *error = NULL;
  g_autoptr (BothyPacket) packet = g_task_propagate_pointer (G_TASK (result), &error);
  g_autoptr (GUnixFDList) fds = packet ? take_reply (packet, &error) : NULL;

  if (went_wrong (self, error))
    return;
  self->group = g_new0 (BothyCgroup, 1);
  self->group->path = g_steal_pointer (&path);
  self->group->limits = self->limits;
  self->group->fds = g_steal_pointer (&fds);
  BOTHY_FAULT_POINT ("start.spare-ready");
  if (self->taker)
    hand_over (self);
}

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Spare) self = user_data;
  GError *error = NULL;
  g_autofree char *path = bothy_scopes_make_finish (BOTHY_SCOPES (source), result, &error);
  g_autoptr (GTask) task = NULL;
  Furnish *furnish;
  guint32 serial;

  if (went_wrong (self, error))
    return;
  BOTHY_FAULT_POINT ("start.spare-made");
  furnish = g_new0 (Furnish, 1);
  furnish->spare = spare_ref (self);
  furnish->path = g_steal_pointer (&path);
  task = g_task_new (NULL, NULL, on_furnished, furnish);
  serial = bothy_packet_client_next_serial (self->holder);
  if (bothy_packet_client_send (self->holder, serial, &serial, sizeof serial, NULL, 0, NULL, task, &error))
    g_steal_pointer (&task);
  else
    g_task_return_error (task, error);
}

static void
on_held (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Spare) self = user_data;
  g_autofree char *name =
      g_strdup_printf (BOTHY_CGROUP_MANAGER_PREFIX "%08x%08x", g_random_int (), g_random_int ());
  BothyScope scope = { .name = name,
                       .description = BOTHY_SCOPE_POOL_DESCRIPTION,
                       .owner = self->owner,
                       .nested = self->nested,
                       .pidfd = -1,
                       .limits = &self->limits };
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, &scope.pid, &error);

  bothy_clear_fd (&self->their_fd);
  if (went_wrong (self, error))
    return;
  BOTHY_FAULT_POINT ("start.spare-held");
  bothy_scopes_make (self->spares->scopes, &scope, on_made, spare_ref (self));
}

static void
on_packet (BothyPacketClient *peer, BothyPacket *packet, gpointer user_data)
{
  const struct helper_reply *reply = (const struct helper_reply *)packet->data;

  if (packet->size == sizeof *reply && reply->version == HELPER_PROTOCOL_VERSION)
    bothy_packet_client_resolve (peer, reply->serial, packet);
}

/* Somebody ended the holder: the scope is going. Whoever took it already has to see for himself. */
static void
on_closed (BothyPacketClient *peer, gpointer user_data)
{
  Spare *self = user_data;

  if (!self->taker && !self->dropped && self->group)
    drop (self);
}

static void
begin (Spare *self)
{
  const struct helper_request request = { .op = HELPER_HOLD };
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  if (bothy_packet_socketpair (&socket, &self->their_fd, &error)) {
    self->holder = bothy_packet_client_new (socket, "The scope's holder", sizeof (struct helper_reply) + 1,
                                            on_packet, on_closed, self);
    fds = bothy_fd_list (&self->their_fd, 1, &error);
  }
  if (fds)
    bothy_helper_client_call (self->spares->helper, &request, fds, on_held, spare_ref (self));
  else
    fail (self, error);
}

static Spare *
spare_new (BothyScopePool *spares, const BothyCgroupSpec *spec, gboolean nested)
{
  Spare *self = g_new0 (Spare, 1);

  g_atomic_ref_count_init (&self->references);
  self->spares = g_object_ref (spares);
  self->owner = spec->owner;
  self->nested = nested;
  self->limits = spec->limits;
  self->their_fd = -1;
  return self;
}

/* ---- owners ---- */

static void
owner_free (Owner *self)
{
  Spare *spare = g_steal_pointer (&self->spare);

  g_clear_handle_id (&self->expiry, g_source_remove);
  if (spare) {
    drop (spare);
    spare_unref (spare);
  }
  g_free (self);
}

static gboolean
on_expired (gpointer user_data)
{
  Owner *self = user_data;

  self->expiry = 0;
  g_hash_table_remove (self->spares->owners, GUINT_TO_POINTER (self->uid));
  return G_SOURCE_REMOVE;
}

static Owner *
use (BothyScopePool *self, guint32 uid, gboolean nested)
{
  Owner *owner = g_hash_table_lookup (self->owners, GUINT_TO_POINTER (uid));

  if (!owner) {
    owner = g_new0 (Owner, 1);
    owner->spares = self;
    owner->uid = uid;
    g_hash_table_insert (self->owners, GUINT_TO_POINTER (uid), owner);
  }
  owner->nested = nested;
  g_clear_handle_id (&owner->expiry, g_source_remove);
  owner->expiry = g_timeout_add_seconds (KEEP_SECONDS, on_expired, owner);
  return owner;
}

void
bothy_scope_pool_prepare (BothyScopePool *self, const BothyCgroupSpec *spec, gboolean nested)
{
  Owner *owner = use (self, spec->owner, nested);

  if (owner->spare)
    return;
  owner->spare = spare_new (self, spec, nested);
  begin (owner->spare);
}

void
bothy_scope_pool_take (BothyScopePool *self,
                       const BothyCgroupSpec *spec,
                       gboolean nested,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  Owner *owner = spec->is_fresh ? NULL : use (self, spec->owner, nested);
  g_autoptr (Spare) spare = owner ? g_steal_pointer (&owner->spare) : NULL;

  if (spare) {
    spare->taker = g_task_new (self, NULL, callback, user_data);
    if (spare->group)
      hand_over (spare);
    return;
  }
  spare = spare_new (self, spec, nested);
  spare->taker = g_task_new (self, NULL, callback, user_data);
  begin (spare);
}

BothyCgroup *
bothy_scope_pool_take_finish (BothyScopePool *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
bothy_scope_pool_finalize (GObject *object)
{
  BothyScopePool *self = BOTHY_SCOPE_POOL (object);

  g_hash_table_unref (self->owners);
  g_object_unref (self->scopes);
  g_object_unref (self->helper);
  G_OBJECT_CLASS (bothy_scope_pool_parent_class)->finalize (object);
}

static void
bothy_scope_pool_class_init (BothyScopePoolClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_scope_pool_finalize;
}

static void
bothy_scope_pool_init (BothyScopePool *self)
{
  self->owners = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)owner_free);
}

BothyScopePool *
bothy_scope_pool_new (BothyScopes *scopes, BothyHelperClient *helper)
{
  BothyScopePool *self = g_object_new (BOTHY_TYPE_SCOPE_POOL, NULL);

  self->scopes = g_object_ref (scopes);
  self->helper = g_object_ref (helper);
  return self;
}
