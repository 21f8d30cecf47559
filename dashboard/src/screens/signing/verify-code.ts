import type { Schemas } from "@/api/client";
import { HEX, inJavascript, inPython, shellScript, type Variables } from "./program";
import { rustString } from "./quoting";

/** What was signed and sent in one attempt, as Standard Webhooks say. */
export interface Signed {
  id: string;
  timestamp: string;
  /** The signature header's value: one or more signatures, each with its scheme. */
  signature: string;
  family: Schemas["HeaderFamilySchema"];
  body: string;
}

export type Language = "rust" | "javascript" | "python" | "curl";

/** `v1` is HMAC with the secret, `v1a` Ed25519 with the public key. */
export type Scheme = "v1" | "v1a";

export function schemeOf(signature: string): Scheme {
  return signature.split(" ").some((one) => one.startsWith("v1,")) ? "v1" : "v1a";
}

function rust(signed: Signed, scheme: Scheme): string {
  const feature = scheme === "v1a" ? ', features = ["ed25519"]' : "";
  return `// Cargo.toml: postrider-verify = { version = "0.1"${feature} }
use postrider_verify::Verifier;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::new(&std::env::var("WEBHOOK_SECRET")?)?;
    let headers = [
        ("${signed.family}-id", ${rustString(signed.id)}),
        ("${signed.family}-timestamp", ${rustString(signed.timestamp)}),
        ("${signed.family}-signature", ${rustString(signed.signature)}),
    ];
    let body = ${rustString(signed.body)};

    // As of when it was sent. A receiver calls \`verify_now\`, which also refuses old requests.
    let verified = verifier.verify(&headers, body.as_bytes(), ${signed.timestamp})?;
    println!("verified: {}", verified.id);
    Ok(())
}
`;
}

const variables = (signed: Signed): Variables => [
  ["id", signed.id],
  ["timestamp", signed.timestamp],
  ["signatures", signed.signature],
  ["body", signed.body],
];

function javascript(signed: Signed, scheme: Scheme): string {
  const check =
    scheme === "v1"
      ? `const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const expected = crypto.createHmac("sha256", key).update(signed).digest();
const isOurs = (given) => given.length === expected.length && crypto.timingSafeEqual(given, expected);`
      : `// An Ed25519 public key in DER: a fixed head, then the 32 bytes of whpk_.
const raw = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whpk_/, ""), "base64");
const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
const key = crypto.createPublicKey({ key: der, format: "der", type: "spki" });
const isOurs = (given) => crypto.verify(null, signed, key, given);`;
  return `// node verify.mjs
import crypto from "node:crypto";

${inJavascript(variables(signed))}

const signed = Buffer.from(\`\${id}.\${timestamp}.\${body}\`);
${check}

const verified = signatures.split(" ").some((one) => {
  const [scheme, given] = one.split(",");
  return scheme === "${scheme}" && isOurs(Buffer.from(given, "base64"));
});
if (!verified) throw new Error("the signature does not match");
console.log("verified:", id);
`;
}

function python(signed: Signed, scheme: Scheme): string {
  const check =
    scheme === "v1"
      ? `key = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
expected = hmac.new(key, signed, hashlib.sha256).digest()


def is_ours(given):
    return hmac.compare_digest(given, expected)`
      : `key = Ed25519PublicKey.from_public_bytes(
    base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whpk_"))
)


def is_ours(given):
    try:
        key.verify(given, signed)
    except InvalidSignature:
        return False
    return True`;
  const imports =
    scheme === "v1"
      ? "import base64\nimport hashlib\nimport hmac\nimport os"
      : "# pip install cryptography\nimport base64\nimport os\n\nfrom cryptography.exceptions import InvalidSignature\nfrom cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey";
  return `# python3 verify.py
${imports}

${inPython(variables(signed))}

signed = f"{id}.{timestamp}.{body}".encode()
${check}


def matches(one):
    scheme, _, given = one.partition(",")
    return scheme == "${scheme}" and is_ours(base64.b64decode(given))


if not any(matches(one) for one in signatures.split()):
    raise SystemExit("the signature does not match")
print("verified:", id)
`;
}

function curl(signed: Signed, scheme: Scheme): string {
  const check =
    scheme === "v1"
      ? `key=$(printf '%s' "\${WEBHOOK_SECRET#whsec_}" | base64 -d | ${HEX})
expected=v1,$(printf '%s.%s.%s' "$id" "$timestamp" "$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w 0)
case " $signatures " in
  *" $expected "*) echo "verified: $id" ;;
  *) echo 'the signature does not match' >&2; exit 1 ;;
esac`
      : `dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
{ printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'; printf '%s' "\${WEBHOOK_SECRET#whpk_}" | base64 -d; } > "$dir/key"
printf '%s.%s.%s' "$id" "$timestamp" "$body" > "$dir/signed"
for one in $signatures; do
  case $one in v1a,*) printf '%s' "\${one#v1a,}" | base64 -d > "$dir/given" ;; *) continue ;; esac
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$dir/key" -rawin -in "$dir/signed" -sigfile "$dir/given" > "$dir/out" && verified=1
done
[ "\${verified:-}" ] || { echo 'the signature does not match' >&2; exit 1; }
echo "verified: $id"`;
  const header = (name: string, value: string) => `"${signed.family}-${name}: $${value}"`;
  return shellScript(variables(signed), check, [
    header("id", "id"),
    header("timestamp", "timestamp"),
    header("signature", "signatures"),
  ]);
}

const MAKERS = { rust, javascript, python, curl };

/** A program that checks this very signature, with the secret in \`WEBHOOK_SECRET\`. */
export function verifyCode(language: Language, signed: Signed): string {
  return MAKERS[language](signed, schemeOf(signed.signature));
}
