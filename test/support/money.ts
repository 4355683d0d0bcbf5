/** A class whose instances travel only as a registered type: what they are is private. */
export class Money {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  get cents(): number {
    return this.#cents;
  }
  plus(other: Money): Money {
    return new Money(this.#cents + other.cents);
  }
}

export const moneyType = {
  name: "money",
  pack: (money: Money) => money.cents,
  unpack: (cents: number) => new Money(cents),
};
