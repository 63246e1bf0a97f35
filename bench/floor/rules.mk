# bench/floor: the yardstick (README.md). Included by the Makefile; links no engine code.
FLOOR_OBJS := $(B)/obj/bench/floor/floor.c.o $(B)/obj/bench/floor/decode.cpp.o

$(B)/bench/floor: $(FLOOR_OBJS)
	$(call say,LINK,$@)
	$(HUSH)mkdir -p $(@D)
	$(HUSH)$(CXX) -pie -o $@ $(FLOOR_OBJS) $(LDFLAGS_ALL) $(shell pkg-config --libs rdkafka simdjson)

-include $(FLOOR_OBJS:.o=.d)
