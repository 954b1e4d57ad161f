export { checkDeployPossible, deployTemplate } from "./deploy";
export { verifyDeployment, type VerifyOptions } from "./verify";
export { checkBlaxelToml } from "./sending/blaxel-toml";
export type { DeployOptions } from "./deploy-context";
export type { Deployment } from "./deployment";
