import { catalogue } from "./catalogue";
import { charts, common, nav } from "./common";
import { attempts, messages, verify } from "./deliveries";
import { endpoints, recovery, secret, tasks } from "./endpoints";
import { gallery } from "./gallery";
import { inbox } from "./inbox";
import { apps, keys, operational, overview, portalLink, settings } from "./operator";
import { session } from "./session";
import { retries, signature } from "./signature";

/** Every word that the dashboard shows, in one place: to translate it, replace this object. */
export const texts = {
  apps,
  attempts,
  catalogue,
  charts,
  common,
  endpoints,
  gallery,
  inbox,
  keys,
  messages,
  nav,
  operational,
  overview,
  portalLink,
  recovery,
  retries,
  secret,
  session,
  settings,
  signature,
  tasks,
  verify,
};
