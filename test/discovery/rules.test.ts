import { decode, encode } from "dns-packet";
import { describe, expect, it } from "vitest";
import { type Announcement, isEarlier, makeRoot } from "../../packages/discovery/dist/announcement.js";
import { bandOf } from "../../packages/discovery/dist/band.js";
import { announcementsIn, makeAnnouncement } from "../../packages/discovery/dist/packets.js";
import { addressAt, placesHere } from "../../packages/discovery/dist/places.js";
import { Sightings } from "../../packages/discovery/dist/sightings.js";

function announced(id: string, since: number, changes: Partial<Announcement> = {}): Announcement {
  const address = "10.0.0.7:9000";
  return { id, name: id, cluster: "c", version: "1", address, root: makeRoot(id, since, address), ...changes };
}

const any = (): boolean => true;

describe("which tree joins which", () => {
  const root = (id: string, since: number, address = "10.0.0.1:9000") => makeRoot(id, since, address);

  it("is the same for whoever asks: reach, then age, then id", () => {
    const order = [root("b", 1), root("a", 2), root("b", 2), root("a", 1, "127.0.0.1:1"), root("c", 9, "[::1]:1")];
    for (const [i, one] of order.entries()) {
      for (const [j, other] of order.entries()) expect(isEarlier(one, other), `${i} ${j}`).toBe(i < j);
    }
  });
});

describe("what is remembered", () => {
  it("is bounded, for each machine and in all", () => {
    const sightings = new Sightings();
    for (let machine = 0; machine < 200; machine++) {
      for (let i = 0; i < 200; i++) sightings.hear(announced(`${i}`, i), 120, `10.0.1.${machine}`, 0);
    }
    let count = 0;
    for (let found = sightings.next(any, 1); found !== undefined; found = sightings.next(any, 1)) {
      sightings.refused(found);
      count++;
    }
    expect(count).toBe(32 * 16);
  });

  it("gives each machine its turn, however much another one makes up", () => {
    const sightings = new Sightings();
    sightings.hear(announced("true", 1000), 120, "10.0.0.1", 0);
    for (let i = 0; i < 10; i++) sightings.hear(announced(`made up ${i}`, i), 120, "10.0.0.2", 0);
    const turns = [1, 2].map((now) => {
      const found = sightings.next(any, now);
      if (found !== undefined) sightings.failed(found, now);
      return found?.source;
    });
    expect(turns.sort()).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  it("is tried again ever more seldom, or not at all, until it is another one", () => {
    const sightings = new Sightings();
    const node = announced("n", 1);
    const pauses: number[] = [];
    let now = 0;
    for (let i = 0; i < 9; i++) {
      sightings.hear(node, 120, "10.0.0.1", now);
      const found = sightings.next(any, now);
      if (found !== undefined) sightings.failed(found, now);
      const due = sightings.due(any);
      pauses.push((due - now) / 1000);
      now = due;
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    sightings.hear(node, 120, "10.0.0.1", now);
    const found = sightings.next(any, now);
    if (found !== undefined) sightings.refused(found);
    sightings.hear(node, 120, "10.0.0.1", now);
    expect(sightings.due(any)).toBe(Number.POSITIVE_INFINITY);
    sightings.hear(announced("n", 2), 120, "10.0.0.1", now);
    expect(sightings.next(any, now)?.announcement.root.since).toBe(2);
  });

  it("ends with its time, at the latest after two minutes, and with a goodbye", () => {
    const sightings = new Sightings();
    sightings.hear(announced("short", 1), 1, "10.0.0.1", 0);
    sightings.hear(announced("long", 2), 4_000_000, "10.0.0.1", 0);
    expect(sightings.next(any, 1000)?.announcement.id).toBe("long");
    expect(sightings.next(any, 120_000)).toBeUndefined();
    sightings.hear(announced("gone", 1), 120, "10.0.0.1", 0);
    sightings.hear(announced("gone", 1), 0, "10.0.0.1", 0);
    expect(sightings.next(any, 0)).toBeUndefined();
  });

  it("is no address of this machine's own that another machine tells of", () => {
    const sightings = new Sightings();
    const near = announced("n", 1, { address: "127.0.0.1:9000" });
    sightings.hear(near, 120, "10.0.0.9", 0);
    expect(sightings.next(any, 0)).toBeUndefined();
    sightings.hear(near, 120, "127.0.0.1", 0);
    expect(sightings.next(any, 0)?.announcement).toBe(near);
  });
});

describe("where a node is announced", () => {
  const interfaces = {
    lo: [
      { address: "127.0.0.1", family: "IPv4", internal: true },
      { address: "::1", family: "IPv6", internal: true },
    ],
    eth0: [
      { address: "fd00::7", family: "IPv6", internal: false },
      { address: "10.0.0.7", family: "IPv4", internal: false },
    ],
    eth1: [{ address: "192.168.1.7", family: "IPv4", internal: false }],
    six: [{ address: "fd01::7", family: "IPv6", internal: false }],
  } as unknown as Parameters<typeof placesHere>[0];
  const announcedAt = (host: string, advertise?: string) =>
    placesHere(interfaces).map((place) => addressAt(place, { host, port: 9000, advertise }));

  it("is on each network what can be dialled there", () => {
    expect(announcedAt("0.0.0.0")).toEqual(["127.0.0.1:9000", "10.0.0.7:9000", "192.168.1.7:9000"]);
    expect(announcedAt("::")).toEqual(["127.0.0.1:9000", "10.0.0.7:9000", "192.168.1.7:9000"]);
    expect(announcedAt("10.0.0.7")).toEqual(["10.0.0.7:9000", "10.0.0.7:9000", undefined]);
    expect(announcedAt("fd00::7")).toEqual(["[fd00::7]:9000", "[fd00::7]:9000", undefined]);
  });

  it("is nowhere but on this machine, if it listens nowhere else", () => {
    expect(announcedAt("127.0.0.1")).toEqual(["127.0.0.1:9000", undefined, undefined]);
    expect(announcedAt("::1")).toEqual(["[::1]:9000", undefined, undefined]);
  });

  it("is what somebody said that others dial", () => {
    expect(announcedAt("127.0.0.1", "gate:80")).toEqual(["gate:80", "gate:80", "gate:80"]);
  });
});

describe("a packet", () => {
  it("brings an announcement as it was, in records that any tool for DNS-SD reads", () => {
    for (const address of ["10.0.0.7:9000", "[fd00::7]:1", "gate.example.org:80"]) {
      const told = announced("id", 17, { address, name: "Ä=ß", cluster: "c=d", root: makeRoot("r", 1, "[::1]:2") });
      const packet = decode(encode(makeAnnouncement(told, 120)));
      expect(announcementsIn(packet)).toEqual([{ announcement: told, ttl: 120 }]);
    }
    const { answers, additionals } = decode(encode(makeAnnouncement(announced("id", 17), 120)));
    expect([...(answers ?? []), ...(additionals ?? [])].map(({ type, name }) => [type, name])).toEqual([
      ["PTR", "_pydist._tcp.local"],
      ["SRV", "id._pydist._tcp.local"],
      ["TXT", "id._pydist._tcp.local"],
      ["A", "id.local"],
    ]);
  });

  it("has room for the longest name", () => {
    const told = announced("id", 17, { name: "ß".repeat(255) });
    const [read] = announcementsIn(decode(encode(makeAnnouncement(told, 120))));
    expect(told.name.startsWith(read?.announcement.name ?? "?")).toBe(true);
  });
});

describe("PYDIST_MULTICAST", () => {
  it("is a group and a port, and the interfaces that are used", () => {
    expect(bandOf({})).toEqual({ group: "224.0.0.251", port: 5353 });
    expect(bandOf({ PYDIST_MULTICAST: "" })).toEqual({ group: "224.0.0.251", port: 5353 });
    expect(bandOf({ PYDIST_MULTICAST: "239.1.2.3:4" })).toEqual({ group: "239.1.2.3", port: 4 });
    expect(bandOf({ PYDIST_MULTICAST: "239.1.2.3:4@10.0.0.5,127.0.0.1" })).toMatchObject({
      only: ["10.0.0.5", "127.0.0.1"],
    });
  });

  it.each(["10.0.0.5:4", "239.1.2.3", "239.1.2.3:0", "239.1.2.3:70000", "x"])("is refused as %s", (text) => {
    expect(() => bandOf({ PYDIST_MULTICAST: text })).toThrow(
      `PYDIST_MULTICAST: "${text}" is no multicast group with a port. Write it as 224.0.0.251:5353, ` +
        "or with the addresses of the interfaces to use, 224.0.0.251:5353@10.0.0.5; unset, it is the former.",
    );
  });
});
