import type { Schemas } from "@/api/client";
import { texts } from "@/texts";
import { Field, Input, Select } from "@/ui/field";
import { Note } from "@/ui/states";
import { headerChange, type Scheme } from "./scheme";
import {
  blankScheme,
  PARTICULARS,
  type Particular,
  SCHEME_TYPES,
  type SchemeForm,
  schemesOf,
} from "./scheme-form";

const t = texts.signature;

interface SignatureFieldsProps {
  schemes: SchemeForm[];
  onChange: (schemes: SchemeForm[]) => void;
  /** What the endpoint has now; null where it is being made. */
  before: Scheme[] | null;
  family: Schemas["HeaderFamilySchema"];
  /** What is wrong with all of it. */
  error?: string;
  /** What is wrong with a part of the scheme at a place. */
  faultAt: (at: number, name: string) => string | undefined;
}

/** How deliveries are signed: one scheme, or two while a receiver moves. */
export function SignatureFields(props: SignatureFieldsProps) {
  const { schemes, onChange, before, family, error, faultAt } = props;
  const [first, second] = schemes;
  if (!first) return null;
  const put = (at: number, scheme: SchemeForm) =>
    onChange(schemes.map((old, place) => (place === at ? scheme : old)));
  const choose = (type: SchemeForm["type"]) =>
    onChange([
      blankScheme(type),
      ...(second && type !== "default" && second.type !== type ? [second] : []),
    ]);
  const chooseSecond = (type: SchemeForm["type"] | "") =>
    onChange(type === "" ? [first] : [first, blankScheme(type)]);
  const known = new Set(before?.map((scheme) => scheme.type));
  const part = (scheme: SchemeForm, at: number) => (
    <SchemeParts
      scheme={scheme}
      onChange={(changed) => put(at, changed)}
      mayHaveSecret={scheme.type === "default" || !known.has(scheme.type)}
      isNew={before === null}
      faultOf={(name) => faultAt(at, name)}
    />
  );
  return (
    <>
      {error && <Note tone="bad">{error}</Note>}
      <Field label={t.scheme} hint={t.about[first.type]}>
        {(described) => (
          <Select
            {...described}
            value={first.type}
            onChange={(event) => choose(event.target.value as SchemeForm["type"])}
          >
            {before === null && <option value="default">{t.types.default}</option>}
            {SCHEME_TYPES.map((type) => (
              <option key={type} value={type}>
                {type === "standard" ? `${t.types[type]} (${t.recommended})` : t.types[type]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {part(first, 0)}
      {first.type !== "default" && (
        <Field label={t.second} hint={second ? t.about[second.type] : t.secondHint}>
          {(described) => (
            <Select
              {...described}
              value={second?.type ?? ""}
              onChange={(event) => chooseSecond(event.target.value as SchemeForm["type"] | "")}
            >
              <option value="">{t.noSecond}</option>
              {SCHEME_TYPES.filter((type) => type !== first.type).map((type) => (
                <option key={type} value={type}>
                  {t.types[type]}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      {second && part(second, 1)}
      {before && <Change before={before} after={schemesOf(schemes) ?? before} family={family} />}
    </>
  );
}

interface SchemePartsProps {
  scheme: SchemeForm;
  onChange: (scheme: SchemeForm) => void;
  /** The endpoint has no secret of this kind that would have to be rotated. */
  mayHaveSecret: boolean;
  isNew: boolean;
  faultOf: (name: string) => string | undefined;
}

function SchemeParts({ scheme, onChange, mayHaveSecret, isNew, faultOf }: SchemePartsProps) {
  const particulars = scheme.type === "default" ? [] : PARTICULARS[scheme.type];
  if (particulars.length === 0 && !mayHaveSecret) return null;
  const set = (name: string, text: string) =>
    onChange({ ...scheme, particulars: { ...scheme.particulars, [name]: text } });
  return (
    <div className="grid gap-5 border-l-2 border-line pl-4 sm:grid-cols-2">
      {particulars.map((particular) => (
        <ParticularField
          key={particular.name}
          particular={particular}
          value={scheme.particulars[particular.name] ?? ""}
          onChange={(text) => set(particular.name, text)}
          error={faultOf(`particulars.${particular.name}`)}
        />
      ))}
      {mayHaveSecret && (
        <Field
          label={t.secret}
          optional={texts.common.optional}
          hint={secretHint(scheme.type, isNew)}
          error={faultOf("secret")}
          className="sm:col-span-2"
        >
          {(described) => (
            <Input
              {...described}
              mono
              value={scheme.secret}
              onChange={(event) => onChange({ ...scheme, secret: event.target.value })}
            />
          )}
        </Field>
      )}
    </div>
  );
}

function secretHint(type: SchemeForm["type"], isNew: boolean): string {
  if (type === "default") return t.defaultSecretHint;
  if (type === "standard") return isNew ? t.standardSecretHint : t.anewStandardHint;
  return isNew ? t.secretHint : t.anewHint;
}

interface ParticularFieldProps {
  particular: Particular;
  value: string;
  onChange: (text: string) => void;
  error?: string;
}

function ParticularField({ particular, value, onChange, error }: ParticularFieldProps) {
  const { name, required, choices } = particular;
  const hint = t.hints[name] ?? (required ? undefined : t.notSent);
  return (
    <Field label={t.particulars[name]} hint={hint} error={error}>
      {(described) =>
        choices ? (
          <Select {...described} value={value} onChange={(event) => onChange(event.target.value)}>
            {choices.map((choice) => (
              <option key={choice}>{choice}</option>
            ))}
          </Select>
        ) : (
          <Input
            {...described}
            mono
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        )
      }
    </Field>
  );
}

interface ChangeProps {
  before: Scheme[];
  after: Scheme[];
  family: Schemas["HeaderFamilySchema"];
}

/** What the receiver will see of it. */
function Change({ before, after, family }: ChangeProps) {
  if (JSON.stringify(before) === JSON.stringify(after)) return null;
  const { gone, added } = headerChange(before, after, family);
  return (
    <Note tone={gone.length > 0 ? "warn" : "info"}>
      <p className="font-medium">{t.change}</p>
      {gone.length > 0 && (
        <p>
          {t.gone} <Names names={gone} />. {t.goneHint}
        </p>
      )}
      {added.length > 0 && (
        <p>
          {t.added} <Names names={added} />. {t.addedHint}
        </p>
      )}
      {gone.length + added.length === 0 && <p>{t.otherwise}</p>}
    </Note>
  );
}

const Names = ({ names }: { names: string[] }) => (
  <code className="font-mono text-xs [overflow-wrap:anywhere]">{names.join(", ")}</code>
);
