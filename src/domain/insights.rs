//! What follows from a profile's sections: pure functions of them and one `now`.
