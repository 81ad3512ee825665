import { styleText } from 'node:util';

const COLOURS = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;

type Style = Parameters<typeof styleText>[0];

/** Styles a text where a terminal shows it. */
export function paint(style: Style, text: string): string {
  return COLOURS ? styleText(style, text) : text;
}

/** Prints a line. */
export function line(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a headline with a rule under it. */
export function headline(text: string): void {
  line();
  line(paint('bold', text));
  line(paint('dim', '─'.repeat(text.length)));
}

/** Prints a name and what it is, aligned. */
export function fact(name: string, value: string): void {
  line(`  ${paint('dim', name.padEnd(22))}${value}`);
}
