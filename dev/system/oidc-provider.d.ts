// The package's main file warns about Node 20 when it is imported and then exports this class, which
// runs on Node 20 all the same; importing the class itself says nothing and needs this declaration.
declare module 'oidc-provider/lib/provider.js' {
  import Provider from 'oidc-provider';
  export { Provider };
}
