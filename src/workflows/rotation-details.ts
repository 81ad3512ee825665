/** Where a rotation of keys stands. */
export interface RotationView {
  active: { access: string; grant: string };
  resealed: number;
  left: number;
  /** Of these, records in which a token request is under way. */
  busy: number;
  /** Records a second while it worked; null: it has not yet. */
  perSecond: number | null;
}

/** What people read about a rotation in the Temporal UI (markdown). */
export function rotationDetails({ active, ...view }: RotationView): string {
  const { resealed, left, busy, perSecond } = view;
  const all = resealed + left;
  const share = all === 0 ? 100 : Math.floor((100 * resealed) / all);
  const rows: [string, string][] = [
    ['Sealed anew', `**${resealed}** (${share} %)`],
    ['Left', `${left}${busy === 0 ? '' : `, ${busy} of them in use: they come last`}`],
    ['Pace', perSecond === null ? 'not known yet' : `${Math.round(perSecond)} records a second`],
    ['Access tokens', `\`${active.access}\``],
    ['Refresh tokens, client secrets', `\`${active.grant}\``],
  ];
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join(
    '\n',
  );
}
