//! Countries: name, continent, EU membership, currency and flag by ISO 3166-1 alpha-2 code.
