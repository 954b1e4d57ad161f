import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a TLS server that asks its clients for certificates needs, and a client of it. Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  /** A folder as DOCKER_CERT_PATH wants it: ca.pem, cert.pem, key.pem. */
  readonly client: string;
}

/** Makes an authority, a server's certificate for an address, and a client's; they are good for two days. */
export function makeCertificates(folder: string, address: string): Certificates {
  const client = join(folder, "client");
  mkdirSync(client, { recursive: true });
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", [...args], { stdio: "pipe" });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const authority = ["-CA", at("ca.pem"), "-CAkey", at("ca-key.pem"), "-CAcreateserial", "-days", "2"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-days",
    "2",
    "-subj",
    "/CN=authority",
    "-keyout",
    at("ca-key.pem"),
    "-out",
    at("ca.pem"),
  );
  const signed = (name: string, certificate: string, keyFile: string, extensions: string): void => {
    writeFileSync(at(`${name}.ext`), extensions);
    openssl("req", ...key, "-subj", `/CN=${name}`, "-keyout", keyFile, "-out", at(`${name}.csr`));
    openssl(
      "x509",
      "-req",
      "-in",
      at(`${name}.csr`),
      ...authority,
      "-extfile",
      at(`${name}.ext`),
      "-out",
      certificate,
    );
  };
  const server = { serverCertificate: at("server.pem"), serverKey: at("server-key.pem") };
  signed(
    "server",
    server.serverCertificate,
    server.serverKey,
    `subjectAltName=IP:${address}\nextendedKeyUsage=serverAuth\n`,
  );
  signed("client", join(client, "cert.pem"), join(client, "key.pem"), "extendedKeyUsage=clientAuth\n");
  cpSync(at("ca.pem"), join(client, "ca.pem"));
  return { ca: at("ca.pem"), ...server, client };
}
