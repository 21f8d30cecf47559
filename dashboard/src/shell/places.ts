import {
  Activity,
  AppWindow,
  Bell,
  Inbox,
  KeyRound,
  ListChecks,
  Settings,
  Shapes,
} from "lucide-react";
import { texts } from "@/texts";

/** Every place of the console, as the navigation groups them. */
export const GROUPS = [
  {
    label: texts.nav.observe,
    items: [
      { to: "/console/overview", label: texts.nav.overview, icon: Activity },
      { to: "/console/applications", label: texts.nav.applications, icon: AppWindow },
      { to: "/console/tasks", label: texts.nav.tasks, icon: ListChecks },
      { to: "/console/inbox", label: texts.nav.inbox, icon: Inbox },
    ],
  },
  {
    label: texts.nav.configure,
    items: [
      { to: "/console/event-types", label: texts.nav.eventTypes, icon: Shapes },
      { to: "/console/keys", label: texts.nav.keys, icon: KeyRound },
      { to: "/console/operational", label: texts.nav.operational, icon: Bell },
      { to: "/console/settings", label: texts.nav.settings, icon: Settings },
    ],
  },
];

/** The same in one row, for the command palette. */
export const PLACES = GROUPS.flatMap((group) => group.items);
