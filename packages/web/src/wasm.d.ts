// A small binary as a data address, as Vite makes it (assetsInlineLimit).
declare module "*.wasm?url" {
  const address: string;
  export default address;
}
