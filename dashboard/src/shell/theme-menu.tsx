import { Monitor, Moon, Sun } from "lucide-react";
import { texts } from "@/texts";
import { IconButton } from "@/ui/button";
import { Menu } from "@/ui/menu";
import { chooseMode, type Mode, useMode } from "./theme";

const ICONS = { light: Sun, dark: Moon, system: Monitor };
const LABELS: Record<Mode, string> = {
  light: texts.nav.themeLight,
  dark: texts.nav.themeDark,
  system: texts.nav.themeSystem,
};

export function ThemeMenu() {
  const mode = useMode();
  const Icon = ICONS[mode];
  return (
    <Menu
      trigger={
        <IconButton label={`${texts.nav.theme}: ${LABELS[mode]}`}>
          <Icon aria-hidden />
        </IconButton>
      }
      items={(["light", "dark", "system"] as const).map((choice) => {
        const ChoiceIcon = ICONS[choice];
        return {
          label: LABELS[choice],
          icon: <ChoiceIcon aria-hidden />,
          onSelect: () => chooseMode(choice),
        };
      })}
    />
  );
}
