// The little of Node that the tests use, so that no package of types is needed for it.

declare module "node:test" {
  interface Clock {
    enable(options: { apis: "setTimeout"[] }): void;
    tick(milliseconds: number): void;
    reset(): void;
  }
  export function test(name: string, body: () => void | Promise<void>): void;
  export const mock: { timers: Clock };
}

declare module "node:assert/strict" {
  export function equal(actual: unknown, expected: unknown): void;
  export function deepEqual(actual: unknown, expected: unknown): void;
  export function ok(value: unknown): void;
  export function rejects(promise: Promise<unknown>, expected: RegExp): Promise<void>;
}
