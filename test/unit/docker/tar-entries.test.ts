import { get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { readTarEntries } from "../../../src/docker/tar-entries";
import { serverUntilEnd } from "../local-server";

/** The answer of a server that sends the beginning of an archive and no more. */
async function brokenOff(): Promise<IncomingMessage> {
  const tar = pack();
  tar.entry({ name: "first" }, "1");
  tar.entry({ name: "second", size: 1000 });
  const server = await serverUntilEnd((_request, response) => {
    tar.on("data", (chunk) => response.write(chunk as Buffer));
  });
  const { port } = server.address() as AddressInfo;
  return new Promise((done) => get(`http://127.0.0.1:${String(port)}/`, done).on("error", () => undefined));
}

describe("the entries of an archive", () => {
  const never = new AbortController().signal;

  it("end with the reason when the archive breaks off", async () => {
    const archive = await brokenOff();
    const names: string[] = [];
    const reading = readTarEntries("It could not be read", archive, never, async (entries) => {
      for await (const entry of entries) {
        names.push(entry.header.name);
        if (names.length === 1) entry.resume();
        else archive.socket.destroy(new Error("it has not answered for 120 s"));
      }
    });
    await expect(reading).rejects.toMatchObject({
      code: "ENGINE_GONE",
      message: "It could not be read: it has not answered for 120 s",
    });
    expect(names).toEqual(["first", "second"]);
  });

  it("end with the reason when it breaks off within one", async () => {
    const archive = await brokenOff();
    const reading = readTarEntries("It could not be read", archive, never, async (entries) => {
      for await (const entry of entries) {
        if (entry.header.name === "second")
          archive.socket.destroy(new Error("it has not answered for 120 s"));
        for await (const chunk of entry) expect(chunk).toEqual(Buffer.from("1"));
      }
    });
    await expect(reading).rejects.toMatchObject({
      code: "ENGINE_GONE",
      message: "It could not be read: it has not answered for 120 s",
    });
  });

  it("end with the interruption when that is why", async () => {
    const archive = await brokenOff();
    const controller = new AbortController();
    const reading = readTarEntries("It could not be read", archive, controller.signal, async (entries) => {
      for await (const entry of entries) {
        entry.resume();
        controller.abort(new Error("interrupted"));
        archive.destroy();
      }
    });
    await expect(reading).rejects.toThrow("interrupted");
  });

  it("let go of the archive when no more of them are wanted", async () => {
    const archive = await brokenOff();
    const name = await readTarEntries("It could not be read", archive, never, async (entries) => {
      for await (const entry of entries) return entry.header.name;
      return undefined;
    });
    expect(name).toBe("first");
    expect(archive.destroyed).toBe(true);
  });
});
