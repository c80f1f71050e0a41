/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "devices.h"

#define FIRST_FREE_ID 65536u        /* below are the machine's own accounts, and root */
#define NO_ID         4294967295ull /* (uid_t) -1: "leave as it is" to half of the system calls */

static bool
overlap (uint32_t a, uint32_t b, uint32_t count_a, uint32_t count_b)
{
  return (uint64_t)a < (uint64_t)b + count_b && (uint64_t)b < (uint64_t)a + count_a;
}

/* An id of the machine's that the owner of a namespace may see inside it: his own, alone. */
static bool
is_own (const struct helper_extent *extent, uint32_t own)
{
  return own != 0 && extent->outside == own && extent->count == 1;
}

/* OWN: the one id below FIRST_FREE_ID that may be mapped, or 0. */
static int
check_extents (const struct helper_extent *extents, uint32_t n_extents, uint32_t own)
{
  if (n_extents < 1 || n_extents > HELPER_MAX_EXTENTS)
    return EINVAL;
  for (uint32_t i = 0; i < n_extents; i++) {
    const struct helper_extent *e = &extents[i];

    if (e->count == 0 || (uint64_t)e->inside + e->count > NO_ID)
      return EINVAL;
    if ((e->outside < FIRST_FREE_ID && !is_own (e, own)) || (uint64_t)e->outside + e->count > NO_ID)
      return EPERM;
    for (uint32_t j = 0; j < i; j++)
      if (overlap (e->inside, extents[j].inside, e->count, extents[j].count) ||
          overlap (e->outside, extents[j].outside, e->count, extents[j].count))
        return EINVAL;
  }
  return 0;
}

static int
check_map (const struct helper_request *request, unsigned int n_fds)
{
  uint32_t own_uid = request->deny_setgroups ? request->owner : 0;
  uint32_t own_gid = request->deny_setgroups ? request->owner_gid : 0;
  int error;

  if (n_fds != 1 || request->owner == NO_ID || request->owner_gid == NO_ID || request->deny_setgroups > 1)
    return EINVAL;
  if (request->n_gid_extents == 0)
    return check_extents (request->extents, request->n_extents, 0);
  error = check_extents (request->extents, request->n_extents, own_uid);
  return error != 0 ? error : check_extents (request->gid_extents, request->n_gid_extents, own_gid);
}

/* Whether ID may be a directory's name: hexadecimal digits and dashes, ended within its field. */
static bool
id_is_valid (const char id[68])
{
  size_t length = strnlen (id, 68);

  return length >= 32 && length < 68 && strspn (id, "0123456789abcdef-") == length;
}

static int
check_layers (const struct helper_request *request, uint32_t first_kind, uint32_t last_kind)
{
  if (request->n_layers < 1)
    return EINVAL;
  if (request->n_layers > HELPER_MAX_LAYERS)
    return E2BIG;
  for (uint32_t i = 0; i < request->n_layers; i++) {
    const struct helper_layer *layer = &request->layers[i];

    if (layer->kind < first_kind || layer->kind > last_kind)
      return EINVAL;
    if (!id_is_valid (layer->id))
      return EINVAL;
  }
  return 0;
}

static bool
is_text (const char *text, size_t size)
{
  return memchr (text, 0, size) != NULL;
}

static int
check_nic (const struct helper_request *request)
{
  const struct helper_nic *nic = &request->nic;

  if (request->owner == NO_ID || request->owner_gid == NO_ID || nic->interface[0] == 0)
    return EINVAL;
  return is_text (nic->interface, sizeof nic->interface) && is_text (nic->address4, sizeof nic->address4) &&
                 is_text (nic->gateway4, sizeof nic->gateway4) &&
                 is_text (nic->address6, sizeof nic->address6) &&
                 is_text (nic->gateway6, sizeof nic->gateway6)
             ? 0
             : EINVAL;
}

static int
check_folder (const struct helper_request *request)
{
  const struct helper_folder *folder = &request->folder;

  if (request->owner == NO_ID || request->owner_gid == NO_ID || folder->n_groups > HELPER_MAX_GROUPS)
    return EINVAL;
  return is_text (folder->path, sizeof folder->path) && folder->path[0] == '/' ? 0 : EINVAL;
}

/* Whether NAME can only be that of a directory in the one where it is looked for. */
static int
check_adoptable (const struct helper_adoptable *adoptable)
{
  if (adoptable->kind < HELPER_ADOPTABLE_LXC || adoptable->kind > HELPER_ADOPTABLE_INCUS)
    return EINVAL;
  return is_text (adoptable->name, sizeof adoptable->name) && adoptable->name[0] != '\0' &&
                 adoptable->name[0] != '.' && strchr (adoptable->name, '/') == NULL
             ? 0
             : EINVAL;
}

static int
check_labelled (const struct helper_adoptable *adoptable)
{
  return id_is_valid (adoptable->label) && adoptable->take <= 2 ? check_adoptable (adoptable) : EINVAL;
}

/* Of whichever it is: the container's id, and the name. */
static int
check_device (const struct helper_request *request)
{
  const struct helper_device *device = &request->device;
  bool named = request->op != HELPER_DEVICE_REVOKE;

  if (request->op == HELPER_DEVICE_ACCESS ? request->owner == NO_ID || request->owner_gid == NO_ID
                                          : !id_is_valid (device->id))
    return EINVAL;
  if (request->op == HELPER_DEVICE_NODE && (request->owner < FIRST_FREE_ID || request->owner == NO_ID))
    return EPERM;
  if (device->n_groups > HELPER_MAX_GROUPS)
    return EINVAL;
  return !named || (is_text (device->name, sizeof device->name) && device_name_is_valid (device->name))
             ? 0
             : EINVAL;
}

/* Root's files are not for this: what a container made would be root's. The name is that of a directory. */
static int
check_tree (const struct helper_request *request)
{
  size_t length = strnlen (request->name, sizeof request->name);

  if (request->owner == 0 || request->owner == NO_ID)
    return EPERM;
  return length > 0 && length < sizeof request->name &&
                 strspn (request->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length
             ? 0
             : EINVAL;
}

/* The first id of each map is the user's own. Of the layers, only what is written into is not mounted read-only. */
static int
check_tree_mount (const struct helper_request *request)
{
  uint32_t last = request->n_layers - 1;
  int error = check_tree (request);

  if (error == 0)
    error = check_layers (request, HELPER_LAYER_IMAGE, HELPER_LAYER_UPPER_BELOW);
  if (error == 0)
    error = check_extents (request->extents, request->n_extents, request->owner);
  if (error == 0)
    error = check_extents (request->gid_extents, request->n_gid_extents, request->owner_gid);
  if (error != 0)
    return error;
  if (request->owner_gid == 0 || request->owner_gid == NO_ID ||
      !is_own (&request->extents[0], request->owner) ||
      !is_own (&request->gid_extents[0], request->owner_gid))
    return EPERM;
  return last > 0 && (request->layers[last].kind == HELPER_LAYER_CONTAINER ||
                      request->layers[last].kind == HELPER_LAYER_UPPER)
             ? 0
             : EINVAL;
}

/* The maps of its namespace are looked at where that is joined. */
static int
check_userns (const struct helper_request *request)
{
  int error = request->owner == NO_ID ? EINVAL : check_extents (request->extents, request->n_extents, 0);

  return error == 0 && request->n_gid_extents > 0
             ? check_extents (request->gid_extents, request->n_gid_extents, 0)
             : error;
}

/* Below are the projects that an administrator may have. */
static int
check_quota (const struct helper_quota *quota)
{
  if (quota->project < FIRST_FREE_ID || quota->project == NO_ID)
    return EPERM;
  return (quota->flags & ~(uint32_t)(HELPER_QUOTA_ASSIGN | HELPER_QUOTA_BOUND)) == 0 ? 0 : EINVAL;
}

static int
check_op (const struct helper_request *request, unsigned int n_fds)
{
  switch (request->op) {
  case HELPER_USERNS:
  case HELPER_NETNS:
    return n_fds == 0 ? check_userns (request) : EINVAL;
  case HELPER_MAP:
    return check_map (request, n_fds);
  case HELPER_MOUNT:
    return n_fds == 1 ? check_layers (request, HELPER_LAYER_IMAGE, HELPER_LAYER_UPPER_BELOW) : EINVAL;
  case HELPER_VOLUME:
    return n_fds == 1 && request->n_layers == 1
               ? check_layers (request, HELPER_LAYER_VOLUME, HELPER_LAYER_VOLUME_READ_ONLY)
               : EINVAL;
  case HELPER_SPAWN:
    if (request->program < HELPER_PROGRAM_SUPERVISOR || request->program > HELPER_PROGRAM_PACK)
      return EINVAL;
    return request->into_group <= 1 && n_fds >= 1 + request->into_group ? 0 : EINVAL;
  case HELPER_OWN:
    if (n_fds < 1)
      return EINVAL;
    return request->owner != 0 && request->owner != NO_ID ? 0 : EPERM;
  case HELPER_NIC:
    return n_fds == 1 ? check_nic (request) : EINVAL;
  case HELPER_FOLDER:
    return n_fds == 0 ? check_folder (request) : EINVAL;
  case HELPER_FOLDER_MOUNT:
    return n_fds == 2 && request->folder.read_only <= 1 ? 0 : EINVAL;
  case HELPER_TREE_MOUNT:
    return n_fds == 2 ? 0 : EINVAL;
  case HELPER_ADOPTABLE:
    return n_fds == 0 ? check_adoptable (&request->adoptable) : EINVAL;
  case HELPER_TREE_LAYER:
    return n_fds == 1 ? check_labelled (&request->adoptable) : EINVAL;
  case HELPER_LABEL:
    return n_fds == 0 ? check_labelled (&request->adoptable) : EINVAL;
  case HELPER_DEVICE_ACCESS:
  case HELPER_DEVICE_NODE:
  case HELPER_DEVICE_REVOKE:
    return n_fds == 0 ? check_device (request) : EINVAL;
  case HELPER_QUOTA:
    return n_fds == 1 ? check_quota (&request->quota) : EINVAL;
  case HELPER_TREE:
    return n_fds == 1 ? check_tree_mount (request) : EINVAL;
  case HELPER_TREE_CLONE:
  case HELPER_TREE_CLOSE:
  case HELPER_TREE_DETACH:
    return n_fds == 0 ? check_tree (request) : EINVAL;
  case HELPER_HOLD:
  case HELPER_CLEAR:
    return n_fds == 1 ? 0 : EINVAL;
  default:
    return EINVAL;
  }
}

int
request_check (const struct packet *packet)
{
  if (packet->size != sizeof packet->request || packet->request.version != HELPER_PROTOCOL_VERSION)
    return EPROTO;
  if (packet->truncated)
    return E2BIG;
  return check_op (&packet->request, packet->n_fds);
}
