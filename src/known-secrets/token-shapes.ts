/** Names of members and parameters whose values are secrets. */
const SECRET_NAMES =
  '(?:access|refresh|id)(?:_t|T)oken|client(?:_s|S)ecret|client(?:_a|A)ssertion|code(?:_v|V)erifier|device(?:_c|C)ode';

const SECRET_NAME = new RegExp(`^(?:${SECRET_NAMES})$`);

/** What looks like a secret, whoever issued it: what it must hold, and the text with the secret. */
const SHAPES: { needles: string[]; pattern: RegExp }[] = [
  // JWS and JWE in compact form (RFC 7515 §7.1, RFC 7516 §7.1).
  { needles: ['eyJ'], pattern: /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*(?:\.[\w-]+)*/g },
  // RFC 6750 §2.1 and RFC 7617; what follows must be long and not all words.
  {
    needles: ['earer', 'asic ', 'EARER', 'ASIC '],
    pattern: /\b(?:bearer|basic)(?:\s+|%20|\+)(?=[^\s"\\]*\d)[\w.~+/-]{16,}=*/gi,
  },
  // Members of JSON, also of JSON inside a JSON text.
  {
    needles: ['oken\\', 'oken"', 'ecret\\', 'ecret"', 'ssertion', 'erifier', '_code', 'ceCode'],
    pattern: new RegExp(`"(?:${SECRET_NAMES})\\\\*"\\s*:\\s*\\\\*"[^"\\\\[][^"\\\\]{7,}`, 'g'),
  },
  // Parameters of a form or a URL.
  {
    needles: ['oken=', 'ecret=', 'ssertion=', 'erifier=', 'ode='],
    pattern: new RegExp(`\\b(?:${SECRET_NAMES})=[^&\\s"'\\\\[][^&\\s"'\\\\]{7,}`, 'g'),
  },
  {
    needles: ['PRIVATE KEY-----'],
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]*-----END [A-Z ]*PRIVATE KEY-----)?/g,
  },
  // Tokens whose prefix tells their issuer: Slack, GitHub, Google.
  {
    needles: ['xox', 'gho_', 'ghp_', 'ghs_', 'ghu_', 'ghr_', 'github_pat_', 'ya29.'],
    pattern:
      /\b(?:xox[abeprs]-[\w-]{10,}|gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|ya29\.[\w-]{20,})/g,
  },
];

/** Whether bytes hold something that looks like a token or a private key. */
export function holdsTokenShape(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return SHAPES.some(
    ({ needles, pattern }) =>
      needles.some((needle) => text.includes(needle)) && text.search(pattern) >= 0,
  );
}

/** The text with something else in place of whatever looks like a token or a private key. */
export function redactTokenShapes(text: string, replacement: string): string {
  return SHAPES.reduce(
    (left, { needles, pattern }) =>
      needles.some((needle) => left.includes(needle)) ? left.replace(pattern, replacement) : left,
    text,
  );
}

/** Whether a member of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}
