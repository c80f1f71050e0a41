/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Image */
#include "bus/handlers.h"

#include "base/error.h"
#include "core/images/aliases.h"
#include "core/images/reference.h"

static gboolean
is_used_by (BothyCall *call, BothyImage *image)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (call->registry));

  for (GList *l = containers; l; l = l->next) {
    BothyContainer *container = l->data;

    if (container->owner == call->user && g_str_equal (container->spec->image, image->fingerprint))
      return TRUE;
  }
  return FALSE;
}

void
bothy_image_handle_remove (BothyCall *call)
{
  BothyImage *image = BOTHY_IMAGE (call->node->target);
  GError *error = NULL;

  if (is_used_by (call, image))
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_IMAGE_IN_USE,
                         "A container of yours stands on image %s; delete that first",
                         bothy_image_label (image, call->user));
  else
    bothy_image_store_forget (bothy_registry_get_images (call->registry), image, call->user, &error);
  bothy_call_return_done (call, error);
}

/* The alias. */
static gpointer
parse_alias (BothyArguments *arguments, GError **error)
{
  g_autofree char *alias = NULL;

  bothy_arguments_get (arguments, "(s)", &alias);
  return bothy_reference_check_alias (alias, error) ? g_steal_pointer (&alias) : NULL;
}

const BothyRequestType bothy_image_alias_request = { parse_alias, g_free };

typedef gboolean (*ChangeAlias) (BothyImageStore *, BothyImage *, guint32, const char *, GError **);

static void
change_alias (BothyCall *call, ChangeAlias change)
{
  GError *error = NULL;

  change (bothy_registry_get_images (call->registry), BOTHY_IMAGE (call->node->target), call->user,
          call->request, &error);
  bothy_call_return_done (call, error);
}

void
bothy_image_handle_add_alias (BothyCall *call)
{
  change_alias (call, bothy_image_store_add_alias);
}

void
bothy_image_handle_remove_alias (BothyCall *call)
{
  change_alias (call, bothy_image_store_remove_alias);
}
