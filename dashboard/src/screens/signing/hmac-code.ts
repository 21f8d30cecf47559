import { HEX, inJavascript, inPython, shellScript, type Variables } from "./program";
import { quoted, rustString, shellWord } from "./quoting";
import type { Scheme } from "./scheme";
import type { Language } from "./verify-code";

/** What was signed and sent in one attempt, in another way than the standard's. */
export interface HmacSigned {
  /** The signature's header and the others that are needed to check it, as they were sent. */
  headers: [string, string][];
  /** The value of the signature's header. */
  signature: string;
  /** Stripe's: entries between commas, one for each secret in force. */
  isList: boolean;
  /** What stands before each signature. */
  prefix: string;
  algorithm: "sha256" | "sha512";
  encoding: "hex" | "base64";
  /** What is signed, with `{id}`, `{timestamp}` and `{body}`. */
  content: string;
  id: string;
  timestamp: string;
  body: string;
}

type Recorded = Record<string, string | null>;

/** What an attempt signed in this scheme; null if it did not. */
export function hmacSignedOf(scheme: Scheme, recorded: Recorded, body: string): HmacSigned | null {
  if (scheme.type === "standard") return null;
  // They are recorded as they were configured and go out in lower case.
  const sent = new Map(
    Object.entries(recorded).map(([name, value]) => [name.toLowerCase(), value ?? ""]),
  );
  const sentIn = (name: string | null | undefined) => sent.get(name?.toLowerCase() ?? "") ?? "";
  const names = scheme as { timestampHeader?: string | null; idHeader?: string | null };
  const headers = [scheme.signatureHeader, names.timestampHeader, names.idHeader]
    .map((name): [string, string] => [name?.toLowerCase() ?? "", sentIn(name)])
    .filter(([, value]) => value !== "");
  const signature = sentIn(scheme.signatureHeader);
  if (signature === "") return null;
  const common = { headers, signature, body, id: sentIn(names.idHeader) };
  const usual = { ...common, algorithm: "sha256", encoding: "hex", isList: false } as const;
  const timestamp = sentIn(names.timestampHeader);
  switch (scheme.type) {
    case "github":
      return { ...usual, prefix: "sha256=", content: "{body}", timestamp };
    case "slack":
      return { ...usual, prefix: "v0=", content: "v0:{timestamp}:{body}", timestamp };
    case "stripe": {
      const time = /(?:^|,)t=(\d+)/.exec(signature)?.[1] ?? "";
      const content = "{timestamp}.{body}";
      return { ...usual, prefix: "v1=", content, isList: true, timestamp: time };
    }
    case "hmac":
      return {
        ...common,
        isList: false,
        prefix: scheme.prefix ?? "",
        algorithm: scheme.algorithm ?? "sha256",
        encoding: scheme.encoding ?? "hex",
        content: scheme.content ?? "{body}",
        timestamp,
      };
  }
}

/** The parts of what is signed, as a language writes variables and the text between them. */
function parts(
  content: string,
  variable: (name: string) => string,
  text: (text: string) => string,
): string[] {
  return content
    .split(/(\{(?:id|timestamp|body)\})/)
    .filter(Boolean)
    .map((part) => (/^\{.*\}$/.test(part) ? variable(part.slice(1, -1)) : text(part)));
}

/** The same where a name alone is a variable, between commas. */
const listed = (content: string) => parts(content, (name) => name, quoted).join(", ");

/** The variables of a program, in the order in which they are read. */
function variables(signed: HmacSigned): Variables {
  const named = (["id", "timestamp", "body"] as const)
    .filter((name) => signed.content.includes(`{${name}}`))
    .map((name): [string, string] => [name, signed[name]]);
  return [["header", signed.signature], ...named];
}

function rust(signed: HmacSigned): string {
  const { signature, timestamp } = signed;
  const header = signed.headers[0]?.[0] ?? "";
  const with_ = (method: string, value: string | undefined) =>
    value ? `\n        .${method}(${value})` : "";
  const nameOf = (value: string) => {
    const name = signed.headers.find(([, sent]) => value !== "" && sent === value)?.[0];
    return name && name !== header ? rustString(name) : undefined;
  };
  const format = signed.isList
    ? `HmacFormat::stripe()\n        .signature_header(${rustString(header)})`
    : `HmacFormat::new(${rustString(header)})` +
      with_("prefix", signed.prefix && rustString(signed.prefix)) +
      with_("hash", signed.algorithm === "sha512" ? "Hash::Sha512" : "") +
      with_("encoding", signed.encoding === "base64" ? "Encoding::Base64" : "") +
      with_("id_header", nameOf(signed.id)) +
      with_("timestamp_header", nameOf(timestamp)) +
      with_("signed_content", rustString(signed.content));
  const uses = ["Encoding", "Hash"].filter((name) => format.includes(`${name}::`));
  const headers = signed.headers.map(
    ([name, value]) => `        (${rustString(name)}, ${rustString(value)}),`,
  );
  return `// Cargo.toml: postrider-verify = "0.1"
use postrider_verify::{${[...uses, "HmacFormat", "Verifier"].join(", ")}};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let format = ${format};
    let verifier = Verifier::hmac(format)
        .secret(&std::env::var("WEBHOOK_SECRET")?)?
        .build()?;
    let headers = [
${headers.join("\n")}
    ];
    let body = ${rustString(signed.body)};

    // As of when it was sent. A receiver calls \`verify_now\`, which also refuses old requests.
    verifier.verify(&headers, body.as_bytes(), ${timestamp || "0"})?;
    println!("verified: {}", ${rustString(signature)});
    Ok(())
}
`;
}

function javascript(signed: HmacSigned): string {
  const fits = signed.isList ? 'header.split(",").some(isOurs)' : "isOurs(header)";
  return `// node verify.mjs
import crypto from "node:crypto";

${inJavascript(variables(signed))}

const signed = [${listed(signed.content)}].join("");
const mac = crypto.createHmac("${signed.algorithm}", process.env.WEBHOOK_SECRET).update(signed);
const expected = ${signed.prefix ? `${quoted(signed.prefix)} + ` : ""}mac.digest("${signed.encoding}");
const isOurs = (given) =>
  given.length === expected.length &&
  crypto.timingSafeEqual(Buffer.from(given), Buffer.from(expected));

if (!${fits}) throw new Error("the signature does not match");
console.log("verified:", header);
`;
}

function python(signed: HmacSigned): string {
  const digest =
    signed.encoding === "hex" ? "mac.hexdigest()" : "base64.b64encode(mac.digest()).decode()";
  const given = signed.isList ? 'header.split(",")' : "[header]";
  return `# python3 verify.py
${signed.encoding === "base64" ? "import base64\n" : ""}import hashlib
import hmac
import os

${inPython(variables(signed))}

signed = "".join([${listed(signed.content)}]).encode()
mac = hmac.new(os.environ["WEBHOOK_SECRET"].encode(), signed, hashlib.${signed.algorithm})
expected = ${signed.prefix ? `${quoted(signed.prefix)} + ` : ""}${digest}

if not any(hmac.compare_digest(given, expected) for given in ${given}):
    raise SystemExit("the signature does not match")
print("verified:", header)
`;
}

function curl(signed: HmacSigned): string {
  const list = parts(signed.content, (name) => `"$${name}"`, shellWord).join(" ");
  const encode = signed.encoding === "hex" ? HEX : "base64 -w 0";
  const fits = signed.isList ? '*",$expected,"*' : '",$expected,"';
  const headers = signed.headers.map(([name, value]) => shellWord(`${name}: ${value}`));
  const check = `key=$(printf '%s' "$WEBHOOK_SECRET" | ${HEX})
mac=$(printf '%s' ${list} | openssl dgst -${signed.algorithm} -mac HMAC -macopt "hexkey:$key" -binary | ${encode})
expected=${signed.prefix ? shellWord(signed.prefix) : ""}$mac
case ",$header," in
  ${fits}) echo "verified: $header" ;;
  *) echo 'the signature does not match' >&2; exit 1 ;;
esac`;
  return shellScript(variables(signed), check, headers);
}

const MAKERS = { rust, javascript, python, curl };

/** A program that checks this very signature, with the secret in \`WEBHOOK_SECRET\`. */
export function hmacCode(language: Language, signed: HmacSigned): string {
  return MAKERS[language](signed);
}
