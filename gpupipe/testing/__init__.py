"""What holds stages to their promises, for the tests of gpupipe's own and of users' stages."""
