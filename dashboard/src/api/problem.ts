import { texts } from "@/texts";

interface Fault {
  loc: string[];
  msg: string;
}

/** What the API said no to, in words that can be shown. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly faults: Fault[];

  constructor(status: number, code: string, message: string, faults: Fault[] = []) {
    super(message);
    this.name = "ApiProblem";
    this.status = status;
    this.code = code;
    this.faults = faults;
  }

  /** What is wrong with one field of the body, if anything is. */
  of(field: string): string | undefined {
    return this.faults.find((fault) => fault.loc[0] === "body" && fault.loc[1] === field)?.msg;
  }
}

/** The problem of an answer that is no 2xx. */
export function problemOf(status: number, body: unknown): ApiProblem {
  const { code, detail } = (body ?? {}) as { code?: string; detail?: string | Fault[] };
  if (Array.isArray(detail)) {
    const text = detail.map((fault) => `${fault.loc.slice(1).join(".")}: ${fault.msg}`).join("; ");
    return new ApiProblem(status, code ?? "validation_error", text, detail);
  }
  return new ApiProblem(status, code ?? "unknown", detail ?? texts.common.answered(status));
}

/** The problem of a request that got no answer. */
export function noAnswer(cause: unknown): ApiProblem {
  if (cause instanceof ApiProblem) return cause;
  return new ApiProblem(0, "no_answer", texts.common.noAnswer);
}

/** Of one field, from whatever a mutation failed with. */
export function faultOf(error: unknown, field: string): string | undefined {
  return error instanceof ApiProblem ? error.of(field) : undefined;
}
