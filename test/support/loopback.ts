import { createServer } from "node:net";

/** Why nothing can listen at this address here; undefined if it can. */
export function whyNotHere(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(`${host} cannot be listened at here: ${error.code}`),
    );
    server.listen({ host, port: 0 }, () => server.close(() => resolve(undefined)));
  });
}
