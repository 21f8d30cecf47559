import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "@/ui/button";
import { Code, Mono } from "@/ui/code";
import { Confirm, Dialog } from "@/ui/dialog";
import { EventPicker } from "@/ui/event-picker";
import { Checkbox, Field, Input, SearchInput, Segments, Select, Textarea } from "@/ui/field";
import { Card, Fold } from "@/ui/layout";
import { Menu } from "@/ui/menu";
import { Pairs } from "@/ui/pairs";
import { SecretField } from "@/ui/secret-field";
import { Tabs } from "@/ui/tabs";
import { TagInput } from "@/ui/tag-input";
import { toast } from "@/ui/toast";

const KINDS = ["primary", "secondary", "ghost", "danger"] as const;
const TYPES = [
  { name: "invoice.paid", description: "An invoice was paid in full" },
  { name: "invoice.voided", description: "An invoice was voided", deprecated: true },
  { name: "user.created", description: "Somebody signed up" },
];

/** What can be pressed, typed into and chosen from. */
export function Controls() {
  const [open, setOpen] = useState<"dialog" | "drawer" | "confirm" | null>(null);
  const [words, setWords] = useState(["eu", "beta"]);
  const [pairs, setPairs] = useState([{ name: "x-api-key", value: "1234" }]);
  const [events, setEvents] = useState(["invoice.paid"]);
  const [segment, setSegment] = useState<"one" | "two">("one");
  const close = () => setOpen(null);
  return (
    <>
      <Card title="Buttons">
        <div className="flex flex-col gap-3">
          {[false, true].map((small) => (
            <div key={String(small)} className="flex flex-wrap items-center gap-2">
              {KINDS.map((kind) => (
                <Button key={kind} kind={kind} small={small}>
                  {kind}
                </Button>
              ))}
              <Button kind="primary" small={small} icon={<Plus aria-hidden />}>
                With icon
              </Button>
              <Button kind="primary" small={small} busy>
                Busy
              </Button>
              <Button small={small} disabled>
                Disabled
              </Button>
            </div>
          ))}
          <div className="flex flex-wrap items-center gap-2">
            <IconButton label="Delete">
              <Trash2 aria-hidden />
            </IconButton>
            <Menu
              trigger={<Button>Menu</Button>}
              items={[
                { label: "Edit", icon: <Plus aria-hidden />, onSelect: () => {} },
                { label: "Not now", disabled: true, onSelect: () => {} },
                "line",
                { label: "Delete", icon: <Trash2 aria-hidden />, danger: true, onSelect: () => {} },
              ]}
            />
            <Button onClick={() => setOpen("dialog")}>Dialog</Button>
            <Button onClick={() => setOpen("drawer")}>Drawer</Button>
            <Button onClick={() => setOpen("confirm")}>Confirm</Button>
            <Button onClick={() => toast.ok("It is done")}>Toast</Button>
            <Button onClick={() => toast.bad(new Error("It could not be done"))}>Bad toast</Button>
          </div>
        </div>
      </Card>
      <Card title="Fields">
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label="Input" hint="A word of help">
            {(described) => <Input {...described} placeholder="Placeholder" />}
          </Field>
          <Field label="Input with an error" error="This is not right.">
            {(described) => <Input {...described} defaultValue="Wrong" />}
          </Field>
          <Field label="Monospaced" optional="optional">
            {(described) => <Input {...described} mono defaultValue="whsec_abc" />}
          </Field>
          <Field label="Disabled">
            {(described) => <Input {...described} disabled defaultValue="Not now" />}
          </Field>
          <Field label="Select">
            {(described) => (
              <Select {...described}>
                <option>One</option>
                <option>Two</option>
              </Select>
            )}
          </Field>
          <Field label="Select with an error" error="Choose another one.">
            {(described) => (
              <Select {...described}>
                <option>One</option>
              </Select>
            )}
          </Field>
          <Field label="Disabled select">
            {(described) => (
              <Select {...described} disabled>
                <option>Not now</option>
              </Select>
            )}
          </Field>
          <SearchInput label="Search" className="self-end" />
          <Field label="Words">
            {(described) => <TagInput {...described} values={words} onChange={setWords} />}
          </Field>
          <Field label="Words with an error" error="One of them is not right.">
            {(described) => <TagInput {...described} values={words} onChange={setWords} />}
          </Field>
          <Field label="Text with an error" error="This is no JSON.">
            {(described) => <Textarea {...described} mono defaultValue='{"a": ' />}
          </Field>
          <Field label="Text">
            {(described) => <Textarea {...described} mono defaultValue='{"a": 1}' />}
          </Field>
          <div className="flex flex-col items-start gap-3">
            <Checkbox label="Chosen" hint="With help" defaultChecked />
            <Checkbox label="Not chosen" />
            <Checkbox label="Disabled" disabled />
            <Checkbox
              label="Some of them"
              ref={(box) => {
                if (box) box.indeterminate = true;
              }}
            />
            <Segments
              label="Segments"
              value={segment}
              onChange={setSegment}
              options={[
                { value: "one", label: "One" },
                { value: "two", label: "Two" },
              ]}
            />
          </div>
          <Pairs label="Header" pairs={pairs} onChange={setPairs} />
          <SecretField mayReveal fetchSecret={async () => ({ key: "whsec_example" })} />
          <SecretField mayReveal={false} fetchSecret={async () => ({ key: "" })} />
          <div className="sm:col-span-2">
            <EventPicker types={TYPES} chosen={events} onChange={setEvents} />
          </div>
        </div>
      </Card>
      <Card title="Code">
        <div className="flex flex-col gap-3">
          <Code
            label="JSON"
            language="json"
            code={'{\n  "id": "in_1",\n  "amount": 42.5,\n  "paid": true,\n  "note": null\n}'}
          />
          <Code
            label="Code"
            language="code"
            code={'const key = "x"; // why\nif (true) return 42;'}
          />
          <Mono text="msg_01jcH3kZ9rTnQv5bX7mD2w" copy />
        </div>
      </Card>
      <Fold title="Folded" aside="What is chosen inside">
        <p className="text-sm">What most people leave as it is.</p>
      </Fold>
      <Fold title="Unfolded" aside="What is chosen inside" open>
        <p className="text-sm">What most people leave as it is.</p>
      </Fold>
      <Card title="Tabs" hint="A card with a hint" actions={<Button small>Act</Button>}>
        <Tabs
          label="Tabs"
          tabs={[
            { value: "a", label: "First", content: <p className="text-sm">The first view</p> },
            { value: "b", label: "Second", content: <p className="text-sm">The second view</p> },
          ]}
        />
      </Card>
      <Dialog
        open={open === "dialog"}
        onClose={close}
        title="A dialog"
        hint="What it is for"
        footer={<Button onClick={close}>Close</Button>}
      >
        <p className="text-sm">Its content</p>
      </Dialog>
      <Dialog open={open === "drawer"} onClose={close} title="A drawer" drawer>
        <p className="text-sm">Its content</p>
      </Dialog>
      <Confirm
        open={open === "confirm"}
        onClose={close}
        title="Delete it?"
        action="Delete"
        kind="danger"
        error="It could not be deleted."
        onConfirm={close}
      >
        <p className="text-muted">This cannot be taken back.</p>
      </Confirm>
    </>
  );
}
