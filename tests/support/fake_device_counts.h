/// Counting what a program asks of the fake device. Called with the state_mutex() held.
#pragma once

#include <string>

namespace gm::fake_device {

void count_operator(const std::string& name);
void count_host_wait(const std::string& name);

}  // namespace gm::fake_device
