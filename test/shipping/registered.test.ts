import { Socket } from "node:net";
import { registerType } from "@pydist/protocol";
import { type Surroundings, ship, type TaskFunction } from "@pydist/shipping";
import { EventEmitter } from "eventemitter3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Money, moneyType } from "../support/money.js";
import { Elsewhere, pack } from "./elsewhere.js";
import { fixture, thrownBy } from "./support.js";

const { emitting } = await fixture<{ emitting: TaskFunction }>("emitting.mjs");

let elsewhere: Elsewhere;
beforeAll(async () => {
  elsewhere = await Elsewhere.start({ packages: ["eventemitter3"] });
});
afterAll(() => elsewhere.stop());

async function there(fn: TaskFunction, args: unknown[] = [], around: Surroundings = { args }): Promise<unknown> {
  const { value, error } = await elsewhere.run(pack(ship(fn, "submit", around), args));
  if (error !== undefined) throw error;
  return value;
}

const plusOne = (n: number) => n + 1;
/** As it is shipped before any type is registered. */
const before = ship(plusOne);
registerType(Money, moneyType);

class Animal {
  name = "animal";
  sound(): string {
    return "none";
  }
}
class Dog extends Animal {
  override name = "dog";
  override sound(): string {
    return "wuff";
  }
}
registerType(Animal, {
  name: "animal",
  pack: ({ name }) => name,
  unpack: (name) => Object.assign(new Animal(), { name }),
});

describe("instances of a subclass of a registered class", () => {
  it("that are captured arrive as what they are", async () => {
    const [dog, animal] = [new Dog(), new Animal()];
    const tell = () => [dog.sound(), dog.constructor.name, dog instanceof Dog, animal.sound(), animal instanceof Dog];
    expect(await there(tell)).toEqual(["wuff", "Dog", true, "none", false]);
    expect(await there(() => dog.sound())).toBe("wuff");
  });

  it("also where the prototype does not say whose it is", async () => {
    const Cat = function (this: { name: string }) {
      this.name = "cat";
    } as unknown as new () => Animal;
    Cat.prototype = Object.create(Animal.prototype) as Animal;
    Object.assign(Cat.prototype, { sound: () => "miau" });
    expect(await there(() => [new Cat().name, new Cat().sound(), new Cat() instanceof Animal])).toEqual([
      "cat",
      "miau",
      true,
    ]);
  });

  it("as arguments arrive as what they are where the function uses their class, and are refused elsewhere", async () => {
    expect(await there((pet: Animal) => [pet.sound(), pet instanceof Dog], [new Dog()])).toEqual(["wuff", true]);
    expect(() => ship((pet: Animal) => pet.sound()).encodeArguments([new Dog()])).toThrow("an instance of Dog");
    expect(() => ship((pet: Animal) => pet.sound()).encodeArguments([Dog.prototype])).toThrow("args[0]");
  });
});

describe("types go along", () => {
  it("not with a function that has nothing to do with them: it is shipped as if there were none", () => {
    const table = new Map([[1, 2]]);
    const seeing = (n: number) => table.get(n);
    for (const args of [[1], [{ a: [1] }], [new Date(), new Float64Array(2), new Map([[1, {}]])]]) {
      expect(ship(plusOne, "submit", { args })).toBe(before);
      expect(ship(seeing, "submit", { args }).text).not.toContain("cents");
    }
  });

  it("where an argument is of one, or may be", async () => {
    expect(await there((money: Money) => money.cents, [new Money(1)])).toBe(1);
    expect(await there(({ list }: { list: Money[] }) => list[0]?.cents, [{ list: [new Money(2)] }])).toBe(2);
    expect(await there((money: Money) => money.cents, [new Money(3)], {})).toBe(3);
    expect(await there((n: number) => n, [4], {})).toBe(4);
    const twice = [1, 2, undefined];
    expect(await there((a: unknown, b: unknown) => a === b, [twice, twice], {})).toBe(true);
  });

  it("where the function reaches an instance or the class", async () => {
    const fee = new Money(50);
    const sum = await there(() => fee.plus(fee));
    expect(sum).toBeInstanceOf(Money);
    expect((sum as Money).cents).toBe(100);
    expect(((await there((cents: number) => new Money(cents), [7])) as Money).cents).toBe(7);
  });

  it("where the function may get instances of a package", async () => {
    registerType(EventEmitter, {
      name: "emitter",
      pack: (emitter) => emitter.eventNames(),
      unpack: (names) => {
        const emitter = new EventEmitter();
        for (const name of names) emitter.on(name, () => {});
        return emitter;
      },
    });
    // Once more, for what sees nothing is remembered.
    for (let i = 0; i < 2; i++) {
      const emitter = (await there(emitting)) as EventEmitter;
      expect(emitter).toBeInstanceOf(EventEmitter);
      expect(emitter.eventNames()).toEqual(["said"]);
    }
    expect(await there(() => new EventEmitter())).toBeInstanceOf(EventEmitter);
  });

  it("with what their functions see at the call", async () => {
    class Meters {
      readonly n: number;
      constructor(n: number) {
        this.n = n;
      }
    }
    let factor = 2;
    registerType(Meters, { name: "meters", pack: ({ n }) => n, unpack: (n) => new Meters(n * factor) });
    const n = (meters: Meters) => meters.n;
    expect(await there(n, [new Meters(1)])).toBe(2);
    factor = 3;
    expect(await there(n, [new Meters(1)])).toBe(3);
  });

  it("for one task each: what a task changes of a class, the next one does not see", async () => {
    class Counter {
      static made = 0;
      readonly number: number;
      constructor() {
        this.number = ++Counter.made;
      }
    }
    registerType(Counter, { name: "counter", pack: () => 0, unpack: () => new Counter() });
    const shipped = ship((counter: Counter) => counter.number, "map");
    const parcel = pack(shipped, [new Counter()]);
    expect((await elsewhere.run(parcel)).value).toBe(1);
    expect((await elsewhere.run(parcel)).value).toBe(1);
  });

  it("and an object that they see is the same as the argument that it is", async () => {
    const registry = { rates: [1] };
    class Rated {
      knows(other: unknown): boolean {
        return other === registry;
      }
    }
    registerType(Rated, { name: "rated", pack: () => 0, unpack: () => new Rated() });
    const shipped = ship((rated: Rated, other: unknown) => rated.knows(other), "map");
    expect((await elsewhere.run(pack(shipped, [new Rated(), registry]))).value).toBe(true);
    expect((await elsewhere.run(pack(shipped, [new Rated(), { rates: [1] }]))).value).toBe(false);
  });

  it("when one of their own functions is the task", async () => {
    const types = { name: "own", pack: (own: Own) => own.n, unpack: (n: number) => new Own(n) };
    class Own {
      readonly n: number;
      constructor(n: number) {
        this.n = n;
      }
    }
    registerType(Own, types);
    expect(await there(types.pack, [new Own(4)])).toBe(4);
    expect(await there(types.unpack, [5])).toBeInstanceOf(Own);
  });
});

describe("registering once more inside of a task", () => {
  const again = (rate: number) =>
    registerType(Money, { name: "money", pack: (money) => money.cents, unpack: (cents) => new Money(cents * rate) });

  it("the class that came along changes nothing but that task's own functions", async () => {
    for (const rate of [1, 1, 10]) {
      const sent = await there(
        (n: number) => {
          again(n);
          again(n);
          return new Money(5);
        },
        [rate],
      );
      expect((sent as Money).cents).toBe(5);
    }
    expect(((await there((money: Money) => money, [new Money(5)])) as Money).cents).toBe(5);
  });

  it("under another name is refused as at home", async () => {
    const other = () => registerType(Money, { name: "other", pack: () => 0, unpack: () => new Money(0) });
    await expect(there(other)).rejects.toThrow('registerType(Money): it is registered as "money" and cannot be');
  });
});

describe("a type that cannot travel", () => {
  const socket = new Socket();
  class Logged {
    n = 1;
  }
  class Bound {
    open(): unknown {
      return socket;
    }
  }
  class Behind {
    n = 2;
  }

  it("keeps nothing back that has nothing to do with it", async () => {
    registerType(Logged, {
      name: "logged",
      pack: ({ n }) => n,
      unpack: (n) => {
        socket.write("unpacked");
        return Object.assign(new Logged(), { n });
      },
    });
    registerType(Bound, { name: "bound", pack: () => 0, unpack: () => new Bound() });
    registerType(Behind, {
      name: "behind",
      pack: ({ n }) => n,
      unpack: () => [new Behind(), new Bound()][0] as Behind,
    });
    expect(await there(plusOne, [1])).toBe(2);
    expect(await there(plusOne, [1], {})).toBe(2);
    expect(await there((money: Money) => money.cents, [new Money(1)])).toBe(1);
    const fee = new Money(3);
    expect(await there(() => fee.cents)).toBe(3);
  });

  const why =
    'is of the type "logged" that registerType() was told of, which cannot travel: its unpack > socket is a Socket, which belongs to this process. Make it inside the function, or capture what it is made from.';

  it("is refused where the function reaches an instance or the class, by name and with the reason", () => {
    const config = { logged: new Logged() };
    const one = thrownBy(() => ship(() => config.logged));
    expect(one.message).toContain(`cannot travel: the function > config.logged ${why}`);
    expect(one).toMatchObject({ code: "PYDIST_E_SHIPPING", path: "the function > config.logged" });
    expect(thrownBy(() => ship(() => new Logged())).message).toContain(`the function > Logged ${why}`);
    const bound = "its class > socket is a Socket, which belongs to this process.";
    const { message } = thrownBy(() => ship(() => new Bound()));
    expect(message).toContain(`the function > Bound is of the type "bound" that registerType() was told of`);
    expect(message).toContain(`cannot travel: ${bound}`);
  });

  it("is refused where an argument is of it", () => {
    for (const args of [undefined, [[new Logged()]]]) {
      const shipped = ship(plusOne, "submit", { args });
      const error = thrownBy(() => shipped.encodeArguments([[new Logged()]]));
      expect(error.message).toBe(`args[0][0] ${why}`);
      expect(error).toMatchObject({ code: "PYDIST_E_SERIALIZATION", path: "args[0][0]" });
    }
  });

  it("keeps back those whose functions need it", () => {
    const { message } = thrownBy(() => ship(() => new Behind()));
    expect(message).toContain(
      'Behind is of the type "behind" that registerType() was told of, which cannot travel: its unpack > Bound is',
    );
  });
});

it("frozen plain objects arrive frozen if they are captured, and unfrozen as arguments", async () => {
  const frozen = Object.freeze({ list: Object.freeze([1]) });
  const tell = (...objects: { list: readonly number[] }[]) =>
    [frozen, ...objects].map((each) => [Object.isFrozen(each), Object.isFrozen(each.list)]);
  const other = Object.freeze({ list: Object.freeze([1]) });
  expect(await there(tell, [other, frozen])).toEqual([
    [true, true],
    [false, false],
    [true, true],
  ]);
});
