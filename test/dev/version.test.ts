import { describe, expect, it } from 'vitest';
import { isAtLeast, parseVersion } from '../../dev/servers/version.js';

describe('parseVersion', () => {
  it.each([
    ['temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)', /Server /, [1, 29, 1]],
    ['db version v6.0.5\nBuild Info: {', /db version v/, [6, 0, 5]],
    ['go version go1.26 linux/amd64', /go version go/, [1, 26, 0]],
    ['something else', /db version v/, null],
  ])('reads %j', (text, before, version) => {
    expect(parseVersion(text, before)).toEqual(version);
  });
});

describe('isAtLeast', () => {
  it('compares numbers and not text', () => {
    expect(isAtLeast([1, 29, 0], [1, 3, 5])).toBe(true);
    expect(isAtLeast([1, 3, 5], [1, 29, 0])).toBe(false);
    expect(isAtLeast([1, 29, 0], [1, 29, 0])).toBe(true);
    expect(isAtLeast([2, 0, 0], [1, 99, 99])).toBe(true);
  });
});
